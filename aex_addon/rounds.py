"""What is done again and again for as long as a gateway runs.

Owns: the timer, from the first moment of the gateway to its end. Refuses to know: what is done.
"""

from __future__ import annotations

import asyncio

from mitmproxy.utils import asyncio_utils


class Rounds:
    """The addon: `go_round` at once, and then every so many seconds; one that takes longer than
    that has the next beside it."""

    def __init__(self, name: str, every_s: float) -> None:
        self._name = name
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None

    def running(self) -> None:
        """The gateway serves: the first round."""
        self._next(asyncio.get_running_loop())

    def done(self) -> None:
        """The gateway ends: no further round."""
        if self._timer is not None:
            self._timer.cancel()

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.wanted():
            asyncio_utils.create_task(self.go_round(), name=self._name, keep_ref=True)
        self._timer = loop.call_later(self._every_s, self._next, loop)

    def wanted(self) -> bool:
        """Whether there is anything to do in this round."""
        return True

    async def go_round(self) -> None:
        """Does it, once. Never raises."""
        raise NotImplementedError
