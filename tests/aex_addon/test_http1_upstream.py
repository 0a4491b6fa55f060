"""aex_addon/http1_upstream.py: what of HTTP/1.1 is no answer, or too much of one."""

from __future__ import annotations

import asyncio

import pytest

from aex_addon.http1_upstream import HEAD_BYTES_MAX
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import ANSWER, Upstream, connected

INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"


def whole() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)


@pytest.mark.parametrize("cut", [1, 30, len(INTERIM), 10_000])
async def test_interim_answers_are_no_answer(rig: Rig, provider: Upstream, cut: int) -> None:
    """However many come, and however they are cut: the call is booked by what follows them."""
    data = INTERIM * 3 + b"HTTP/1.1 100 Continue\r\n\r\n" + whole()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(data), cut):
            writer.write(data[at : at + cut])
            await writer.drain()
            await asyncio.sleep(0)

    provider.answers += [script, script]
    async with connected(rig.port) as client:
        for _ in range(2):
            answer = await client.call(rig.request())
            assert (answer.status, answer.body) == (200, ANSWER)
    assert {row.certainty for row in rig.executions()} == {"exact"}


async def test_a_change_of_protocol_is_an_answer(rig: Rig, provider: Upstream) -> None:
    """Nobody asked for it: the connection ends, and nothing is taken for the provider's answer."""
    provider.answers.append(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n" + whole())
    async with connected(rig.port) as client:
        await client.send(rig.request())
        assert (await client.head())[0] == 101
        assert await client.ended()


async def test_trailers(rig: Rig, provider: Upstream) -> None:
    """They are left out, and the connection serves the next call."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    body = b"%x\r\n%s\r\n0\r\nserver-timing: x\r\n\r\n" % (len(ANSWER), ANSWER)
    provider.answers += [head + body, head + body]
    async with connected(rig.port) as client:
        for _ in range(2):
            assert (await client.call(rig.request())).body == ANSWER
    assert len(provider.writers) == 1


async def test_a_head_without_an_end(rig: Rig, provider: Upstream) -> None:
    """It is not kept for ever: the client is told, and the provider may have billed."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(2 * HEAD_BYTES_MAX // 1024):
            writer.write(b"x" * 1024)
        await reader.read()

    provider.answers.append(script)
    async with connected(rig.port) as client:
        answer = await client.call(rig.request())
    assert (answer.status, answer.code) == (502, "upstream_failed")
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")


async def test_a_large_head(rig: Rig, provider: Upstream) -> None:
    """One that ends within the limit is none of these."""
    head = b"HTTP/1.1 200 OK\r\nx: %s\r\n" % (b"x" * 60_000)
    provider.answers.append(head + whole().partition(b"\r\n")[2])
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).body == ANSWER
