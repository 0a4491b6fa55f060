"""A request whose first try failed is sent once more, and hears nothing of the first any more.

What is tried when is in test_fallback.py; here stands what mitmproxy's layers make of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from aex_addon.fallback import Fallback
from aex_addon.http_again import Standby, stand_by, standby_of
from tests.aex_addon.rig import gateway
from tests.aex_addon.routed import FAST, FIRST, SECOND, Routed, providers, routed
from tests.aex_addon.wire import ANSWER, Upstream, connected


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Routed]:
    async with routed(tmp_path / "home") as running:
        yield running


def test_a_flow_has_one_standby() -> None:
    """It is asked about each fault anew."""
    flow = tflow.tflow()
    assert standby_of(flow) is None
    standby = Standby({"503"}.__contains__)
    stand_by(flow, standby)
    standby.verdict = "again"
    standby.ask("503", flow.request.headers)
    assert (standby_of(flow), standby.fault, standby.verdict) == (standby, "503", "as usual")


async def test_the_connection_of_a_failed_try_is_closed(two: Routed) -> None:
    """A provider that refused keeps no connection that a later answer could come over."""
    two.first.json(b"{}", 503)
    two.second.json()
    async with connected(two.rig.port) as client:
        assert (await client.call(two.call())).body == ANSWER
        while two.first.writers:  # noqa: ASYNC110 - its end is seen there
            await asyncio.sleep(0.01)
        two.first.json(b"{}", 503)
        two.second.json()
        assert (await client.call(two.call())).body == ANSWER
    assert [row.status_code for row in two.rows()] == [503, 200, 503, 200]


async def test_a_large_refusal(two: Routed) -> None:
    """Bytes of it that are still on their way reach neither the client nor the next answer."""
    two.first.json(b"x" * 500_000, 503)
    two.second.json()
    assert (await two.ask()).body == ANSWER


async def test_an_addon_that_fails(two: Routed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault goes its usual way, and the try is booked as ever."""

    async def fail(*_: Any) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(Fallback, "_next", fail)
    two.first.json(b'{"error": 1}', 503)
    answer = await two.ask()
    assert (answer.status, answer.body) == (503, b'{"error": 1}')
    assert [row.state for row in two.rows()] == ["RELEASED"]


async def test_patience_ends_with_the_answer(tmp_path: Path) -> None:
    """A second that passes after the answer has begun ends nothing."""
    async with routed(tmp_path / "home", {"answer_within_seconds": 1}) as two:
        go = asyncio.Event()

        async def slowly(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            writer.write(head + b"content-length: %d\r\n\r\n" % len(ANSWER) + ANSWER[:9])
            await go.wait()
            writer.write(ANSWER[9:])
            await writer.drain()

        two.first.answers.append(slowly)
        async with connected(two.rig.port) as client:
            await client.send(two.call())
            assert (await client.head())[0] == 200
            asyncio.get_running_loop().call_later(1.2, go.set)
            body = b""
            while data := await client.chunk():
                body += data
        assert body == ANSWER
        assert [row.certainty for row in two.rows()] == ["exact"]
        assert two.second.requests == []


async def test_two_models_at_one_address(tmp_path: Path, provider: Upstream) -> None:
    """The second try has a connection of its own, however often."""
    where = providers(provider.port, provider.port)
    changes: dict[str, Any] = {"providers": where, "routes": {"fast": FAST}}
    async with gateway(tmp_path / "home", provider.port, **changes) as rig:
        two = Routed(rig, provider, provider)
        async with connected(rig.port) as client:
            for _ in range(3):
                provider.json(b'{"error": "busy"}', 503)
                provider.json()
                assert (await client.call(two.call())).body == ANSWER
        asked = [json.loads(each.partition(b"\r\n\r\n")[2])["model"] for each in provider.requests]
        assert asked == [FIRST, SECOND] * 3
        assert [row.status_code for row in two.rows()] == [503, 200] * 3


async def test_a_stop_between_two_tries(two: Routed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call stays one that is waited for, and its second try is made."""
    admission, seen = two.rig.pipeline.admission, []
    decide = admission.decide

    async def deciding(command: Any) -> Any:
        if command.retry_of:
            two.rig.pipeline.draining = True
            seen.append(len(two.rig.pipeline.inflight))
        return await decide(command)

    monkeypatch.setattr(admission, "decide", deciding)
    two.first.json(b"{}", 503)
    two.second.json()
    assert (await two.ask()).body == ANSWER
    assert seen == [1]
    assert not two.rig.pipeline.inflight


async def test_the_next_provider_cannot_be_reached(two: Routed) -> None:
    """That the one before could be says nothing of it: no byte of this try has left."""
    two.first.json(b"{}", 503)
    two.second.stop()
    answer = await two.ask()
    assert (answer.status, answer.code) == (502, "upstream_failed")
    first, second = two.rows()
    assert (first.status_code, second.status_code) == (503, 0)
    assert second.reason == "no connection to the provider stood; no byte left"
