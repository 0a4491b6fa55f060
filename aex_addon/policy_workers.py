"""The workers of the policy in a running gateway: they begin with it and end with it.

Owns: these two moments. Refuses to know: what they do (policy/); a reload begins the next
generation by itself (reload.py).
"""

from __future__ import annotations

import logging

from aex_addon.assembly import Assembly
from aex_addon.policy.files import PolicyError

logger = logging.getLogger("aex")


class PolicyWorkers:
    """The addon; it hears no flow."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    async def running(self) -> None:
        """The gateway listens. With a policy that cannot be loaded, every call is refused, unless
        all of it is in shadow."""
        policy = self._assembly.parts.configuration.policy
        problem = policy.problem
        try:
            await policy.begin()
        except PolicyError as error:
            problem = str(error)
        if problem:
            ends = self._assembly.settings.policy.where_broken
            logger.error("the policy cannot be asked, so %s: %s", ends, problem)

    async def done(self) -> None:
        """The gateway ends."""
        for policy in (
            self._assembly.parts.configuration.policy,
            *self._assembly.reloader.retiring,
        ):
            await policy.stop()
