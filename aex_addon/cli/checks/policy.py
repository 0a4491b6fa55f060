"""The policy: can its plugins be trusted and loaded, as a gateway would load them?

Owns: the look at `policies/` and at what of the policy is in shadow.
Refuses to know: what rules and plugins decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound
from aex_addon.home import Home
from aex_addon.policy.files import FOLDER, PolicyError
from aex_addon.policy.policy import Policy, policy_of
from aex_addon.settings import Settings

_MEND = "mend it, then run: aex models reload"


def look(home: Home, settings: Settings) -> Iterator[Verdict]:
    """Nothing where there is no policy."""
    try:
        found = policy_of(settings.policy, settings.rules, home.path)
        asyncio.run(_load(found))
    except PolicyError as error:
        for problem in error.problems:
            yield broken("policy", f"{problem}; {settings.policy.where_broken}", _MEND)
        return
    if not found.asks:
        return
    said = f"{len(found.rules)} rules, {len(found.plugins)} plugins in {FOLDER}/"
    if found.shadow:
        yield doubtful("policy", f"{said}; all in shadow", 'refusing takes mode = "enforce"')
        return
    in_shadow = [rule.by for rule in found.rules if rule.shadow]
    yield sound("policy", f"{said}; in shadow: {', '.join(in_shadow) or 'none'}")


async def _load(found: Policy) -> None:
    try:
        await found.begin()
    finally:
        await found.stop()
