"""The life of a call over real sockets: what leaves, what comes back, how it is booked."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aex_addon import reading
from tests.aex_addon.rig import CHAT, KEY, Rig, gateway
from tests.aex_addon.wire import ANSWER, Answer, Upstream, connected


async def call(rig: Rig, *arguments: Any, **headers: str) -> Answer:
    async with connected(rig.port) as client:
        return await client.call(rig.request(*arguments, **headers))


def only_row(rig: Rig) -> Any:
    (row,) = rig.executions()
    return row


async def test_a_json_call(rig: Rig, provider: Upstream) -> None:
    """Bytes pass unchanged both ways; the key goes in, the token out, the bill is exact."""
    provider.json(x_request_id="req_1")
    answer = await call(rig, x_aex_step_id="7")
    assert (answer.status, answer.body) == (200, ANSWER)
    assert answer.headers["x-request-id"] == "req_1"
    row = only_row(rig)
    assert answer.headers["x-aex-execution-id"] == row.execution_id
    head, _, body = provider.requests[0].partition(b"\r\n\r\n")
    assert f"authorization: bearer {KEY}".encode() in head.lower()
    assert rig.token.encode() not in head
    assert b"x-aex" not in head.lower()
    assert json.loads(body) == CHAT
    assert (row.state, row.certainty, row.status_code) == ("COMMITTED", "exact", 200)
    assert 0 < row.actual_nanousd <= row.reserved_nanousd
    assert rig.agent().spent_nanousd == row.actual_nanousd
    assert not rig.pipeline.inflight


async def test_the_order_of_steps(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Identify, read, admit, then send: the reserve is durable before a byte leaves."""
    steps: list[str] = []
    store = rig.assembly.store
    execute, of, read = store.execute, rig.pipeline.parts.identity.of, reading.read

    def noted(step: str, real: Any) -> Any:
        def calling(*arguments: Any) -> Any:
            steps.append(step)
            return real(*arguments)

        return calling

    async def sent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        steps.append(only_row(rig).state)
        provider.json()
        writer.write(provider.answers.pop())  # type: ignore[arg-type]

    monkeypatch.setattr(rig.pipeline.parts.identity, "of", noted("identify", of))
    monkeypatch.setattr(reading, "read", noted("read", read))
    monkeypatch.setattr(store, "execute", noted("ledger", execute))
    provider.answers.append(sent)
    await call(rig)
    assert steps == ["identify", "read", "ledger", "DISPATCHED", "ledger"]


async def test_an_encoded_request(rig: Rig, provider: Upstream) -> None:
    """It is read and sent on without its encoding."""
    provider.json()
    body = json.dumps(CHAT).encode()
    assert (await call(rig, body=gzip.compress(body), content_encoding="gzip")).status == 200
    head, _, sent = provider.requests[0].partition(b"\r\n\r\n")
    assert b"content-encoding" not in head.lower()
    assert sent == body


async def test_a_denial(tmp_path: Path, provider: Upstream) -> None:
    """It is the provider's own error, with the execution's id; nothing leaves or is held."""
    async with gateway(tmp_path / "home", provider.port, budget_nanousd=10) as rig:
        answer = await call(rig)
        assert (answer.status, answer.code) == (402, "budget_exceeded")
        row = only_row(rig)
        assert answer.headers["x-aex-execution-id"] == row.execution_id
        assert (row.state, row.actual_nanousd, rig.agent().reserved_nanousd) == ("DENIED", 0, 0)
    assert provider.requests == []


async def test_who_is_let_in(rig: Rig, provider: Upstream) -> None:
    """No token, a wrong one and a provider's own key are 401s."""
    wrong = rig.token[:-1] + ("0" if rig.token[-1] != "0" else "1")
    for header in ("", "Bearer sk-of-the-agent", f"Bearer {wrong}"):
        assert (await call(rig, authorization=header)).status == 401
    assert provider.requests == []


async def test_no_secret_is_kept(rig: Rig, provider: Upstream) -> None:
    """Neither token, key, prompt, query nor answer is found in the ledger's files."""
    canaries = ["canary-prompt", "canary-query", "canary-answer", "canary-header"]
    messages = [{"role": "user", "content": canaries[0]}]
    body = json.dumps({**CHAT, "messages": messages}).encode()
    provider.json(ANSWER[:-1] + b', "x": "canary-answer"}')
    provider.json(status=500, body=b'{"error": "canary-answer"}')
    for path in ("/v1/chat/completions?x=canary-query", "/v1/files?x=canary-query"):
        await call(rig, path, body, x_canary="canary-header")
    refused = f"/v1/\xff?key={rig.token}&x=canary-query".encode("latin-1").decode("latin-1")
    async with connected(rig.port) as client:
        request = rig.request("PATH", b"", authorization="")
        answer = await client.call(request.replace(b"PATH", refused.encode("latin-1")))
    assert answer.code == "invalid_path"
    kept = b"".join(path.read_bytes() for path in rig.assembly.home.path.glob("ledger.db*"))
    for canary in (*canaries, rig.token, KEY):
        assert canary.encode() not in kept


async def test_while_stopping(rig: Rig, provider: Upstream) -> None:
    """No new call is taken; the client is told to come again."""
    rig.pipeline.draining = True
    answer = await call(rig)
    assert (answer.status, answer.headers["x-should-retry"]) == (503, "true")
    assert (provider.requests, rig.executions()) == ([], [])


async def test_a_websocket(rig: Rig, provider: Upstream) -> None:
    """An upgrade is answered 426 and recorded."""
    answer = await call(rig, upgrade="websocket", connection="Upgrade", sec_websocket_version="13")
    assert (answer.status, answer.code) == (426, "websocket_not_metered")
    assert provider.requests == []
    assert only_row(rig).state == "DENIED"


async def test_a_surprise_at_the_end(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is booked and its client served; it is under way no more, and no stop waits."""

    def surprise(*_: object) -> None:
        raise RuntimeError("at the end")

    monkeypatch.setattr(rig.pipeline.bulks, "told", surprise)
    provider.json()
    assert (await call(rig)).status == 200
    assert (only_row(rig).state, only_row(rig).certainty) == ("COMMITTED", "exact")
    assert not rig.pipeline.inflight


async def test_settle_all(rig: Rig, provider: Upstream) -> None:
    """A stop that waits no longer books what is under way, and one bad call hinders no other."""
    reached = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    provider.answers.append(hang)
    async with connected(rig.port) as client:
        await client.send(rig.request())
        await reached.wait()
        rig.pipeline.settle_all()
        rig.pipeline.settle_all()
        assert await rig.assembly.parts.books.drained(10)
        row = only_row(rig)
        assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
        assert row.actual_nanousd == row.reserved_nanousd
        observed = rig.assembly.parts.observed
        costs = [cost for _, cost in observed.cost.items()]
        assert (costs, sum(observed.answer["openai"].counts)) == ([row.reserved_nanousd], 1)
