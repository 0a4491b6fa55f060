"""Laws of a tool's way out: only where it is granted, by a token of its own that ends with it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test.tflow import tclient_conn

from aex_addon.appraisal import Appraisal
from aex_addon.identity import Credential, Identity
from aex_addon.inflight import Attempt
from aex_addon.tokens import token_hash
from aex_addon.tool_door import way_out
from aex_addon.tool_run import ToolRun
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.runner import NotStarted
from ledger.admin_commands import LendToken, RevokeToken
from ledger.outcomes import Admitted, Done, Outcome, Rejected
from providers.wire import Facts

ADDRESS = ("127.0.0.1", 9000)
BUNDLE = Path("/home/ca-bundle.pem")


class Parts:
    """Books that answer with this, and note what they are told."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.books, self.told = self, list[Any]()
        self.identity = Identity()
        self._outcome = outcome or Done("bot")

    async def admit(self, command: Any) -> Outcome:
        self.told.append(command)
        return self._outcome

    def settle(self, command: Any) -> None:
        self.told.append(command)


def run(network: str) -> ToolRun:
    manifest = Manifest(
        name="calls",
        version="1",
        entrypoint=("python", "a.py"),
        sha256="0" * 64,
        network=network,  # type: ignore[arg-type]
    )
    appraisal = Appraisal(Facts("/v1/tools/execute", "metered", model="calls"))
    made = ToolRun(Admitted("ex_1", "bot", 70, 0), appraisal, "tools", manifest=manifest)
    made.attempt = Attempt("asking", "f", keyed=False)
    return made


async def test_without_a_network_there_is_none() -> None:
    """And no token."""
    parts = Parts()
    async with way_out(parts, BUNDLE, run("none"), ADDRESS) as door:  # type: ignore[arg-type]
        assert door is None
    assert parts.told == []


async def test_its_token_is_lent_for_the_run() -> None:
    """By the token that had it run, and is taken back however it ends."""
    parts = Parts()
    async with way_out(parts, BUNDLE, run("full"), ADDRESS) as door:  # type: ignore[arg-type]
        assert door is not None
        (lent,) = parts.told
        client = tclient_conn()
        with door.coming(client.peername[:2]):
            parts.identity.client_connected(client)
        assert parts.identity.of_tool(client) == Credential(door.token, "bot")
    assert isinstance(lent, LendToken)
    assert (lent.by_token_hash, lent.token_hash) == ("asking", token_hash(door.token))
    assert (door.agent, door.host, door.port, door.bundle) == ("bot", *ADDRESS, BUNDLE)
    ended = parts.told[-1]
    assert isinstance(ended, RevokeToken)
    assert ended.token_hash == lent.token_hash
    with suppress(RuntimeError):
        async with way_out(parts, BUNDLE, run("full"), ADDRESS):  # type: ignore[arg-type]
            raise RuntimeError("it broke")
    assert isinstance(parts.told[-1], RevokeToken)
    assert parts.told[-1].token_hash == parts.told[-2].token_hash


async def test_who_may_not_lend_has_nothing_run() -> None:
    """A token that was revoked meanwhile is told so."""
    parts = Parts(Rejected("the token that asks is not a valid one"))
    with pytest.raises(NotStarted) as found:
        await way_out(parts, BUNDLE, run("full"), ADDRESS).__aenter__()  # type: ignore[arg-type]
    assert found.value.code == "tool_forbidden"
    assert "not a valid one" in str(found.value)
