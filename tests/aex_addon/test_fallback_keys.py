"""An idempotency key stands for one answer, whichever try it came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.aex_addon.routed import Routed, routed
from tests.aex_addon.wire import ANSWER, Answer, connected

KEY = {"idempotency_key": "order-66"}


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Routed]:
    async with routed(tmp_path / "home") as running:
        yield running


async def ask(two: Routed) -> Answer:
    body = two.call().partition(b"\r\n\r\n")[2]
    async with connected(two.rig.port) as client:
        return await client.call(two.rig.request(body=body, **KEY))


async def test_the_answer_of_the_second_try_is_kept(two: Routed) -> None:
    """The same key and request get it again; no provider is asked, nothing is charged."""
    two.first.json(b"{}", 503)
    two.second.json()
    first, again = await ask(two), await ask(two)
    assert (first.body, again.body) == (ANSWER, ANSWER)
    assert again.headers["x-aex-replayed"] == "true"
    assert again.headers["x-aex-execution-id"] == first.headers["x-aex-execution-id"]
    assert len(two.rows()) == 2


async def test_a_twin_waits_for_the_last_try(two: Routed) -> None:
    """No call of the same key comes between two tries, and it is answered once."""
    reached, go = asyncio.Event(), asyncio.Event()

    async def held(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await go.wait()
        writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}")

    two.first.answers.append(held)
    two.second.json()
    first = asyncio.ensure_future(ask(two))
    await reached.wait()
    twin = asyncio.ensure_future(ask(two))
    go.set()
    assert {(await first).body, (await twin).body} == {ANSWER}
    assert len(two.rows()) == 2
    assert len(two.first.requests) == len(two.second.requests) == 1
