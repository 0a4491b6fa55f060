"""aex_addon/delegation.py: AEX's own API. (Who may have how much: tests/end_to_end.)"""

from __future__ import annotations

from typing import Any

from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon.delegation import TOKENS, Delegation
from aex_addon.doors import DOOR, PATH
from aex_addon.tokens import mint
from ledger.outcomes import Outcome, Rejected


class Ledger:
    """Books that refuse whatever is asked, and note it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def admit(self, command: Any) -> Outcome:
        self.asked.append(command)
        return Rejected("no such thing")


class Parts:
    """What the addon needs of the gateway's parts."""

    def __init__(self) -> None:
        self.books = Ledger()


def request(body: bytes, token: str, path: str = TOKENS, door: str = "own") -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.request.method = "POST"
    flow.request.headers["authorization"] = f"Bearer {token}"
    flow.request.raw_content = body
    flow.metadata[DOOR], flow.metadata[PATH] = door, path
    return flow


async def ask(flow: http.HTTPFlow) -> tuple[int, list[Any]]:
    parts = Parts()
    await Delegation(parts).request(flow)  # type: ignore[arg-type]
    return (flow.response.status_code if flow.response else 0), parts.books.asked


async def test_the_ledger_decides() -> None:
    """A well-formed wish goes to the ledger with the asking token's hash; its word is final."""
    token = mint()
    status, asked = await ask(request(b'{"budget_usd": "1.5", "ttl_seconds": 60}', token.secret))
    assert status == 403
    assert asked[0].by_token_hash == token.token_hash
    assert asked[0].budget_nanousd == 1_500_000_000
    assert asked[0].expires_at > 0


async def test_nonsense_never_reaches_it() -> None:
    """Bad JSON, wrong types and unknown keys are told as 400."""
    token = mint().secret
    for body in (
        b"",
        b"[]",
        b'{"budget_usd": 1}',
        b'{"budget_usd": "x"}',
        b'{"budget_usd": "1", "a": 1}',
    ):
        assert await ask(request(body, token)) == (400, [])
    assert await ask(request(b'{"budget_usd": "1", "ttl_seconds": "60"}', token)) == (400, [])


async def test_only_its_own_door_is_answered() -> None:
    """Flows of other doors pass by; other paths of its own are unknown."""
    token = mint().secret
    assert (await ask(request(b"{}", token, door="base-url")))[0] == 0
    assert (await ask(request(b"{}", token, path="/v1/aex/other")))[0] == 404
    assert (await ask(request(b"{}", "sk-key")))[0] == 401
