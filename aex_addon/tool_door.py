"""The way out of a tool that is granted the network: AEX's own proxy door, on its agent's account.

Owns: the token that the tool calls with. It is lent for one run, and ends with it.
Refuses to know: how the sandbox leads there (tools/door.py), what the tool may call (the same rules
as its agent).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from aex_addon import clock
from aex_addon.identity import Credential
from aex_addon.parts import Parts
from aex_addon.tokens import mint
from aex_addon.tool_run import ToolRun
from aex_addon.tools.door import Door
from aex_addon.tools.run import START_S
from aex_addon.tools.runner import NotStarted
from ledger.admin_commands import LendToken, RevokeToken
from ledger.outcomes import Rejected

_ACTOR = "gateway"


@asynccontextmanager
async def way_out(
    parts: Parts, bundle: Path, run: ToolRun, address: tuple[str, int]
) -> AsyncIterator[Door | None]:
    """A door at AEX's `address` for the length of the run; None for a tool without a network.

    `bundle` holds the roots that the tool trusts. Raises NotStarted or LedgerError.
    """
    manifest = run.manifest
    if manifest.network != "full":
        yield None
        return
    token = mint()
    life_s = manifest.ttl_seconds + int(START_S)
    expires_at = clock.now_ns() + life_s * 10**9
    asking = run.attempt.token_hash
    lent = await parts.books.admit(
        LendToken(asking, token.token_hash, token.token_id, expires_at, _ACTOR)
    )
    if isinstance(lent, Rejected):
        raise NotStarted("tool_forbidden", f"Tool {manifest.name!r} was not run: {lent.message}.")
    try:
        agent = run.admitted.agent
        known = partial(parts.identity.coming, credential=Credential(token.secret, agent))
        yield Door(*address[:2], agent, token.secret, bundle, known)
    finally:
        parts.books.settle(RevokeToken(token.token_hash, "its tool has ended", _ACTOR))
