"""What the limit on bodies holds for, over real sockets. Early ends: test_early_end.py."""

from __future__ import annotations

import gc
import json
import resource
from collections.abc import AsyncIterator

import pytest

from aex_addon.http_stream import GovernedStream
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.test_http_layer import h2
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected

MIB = 2**20
LARGE = 40 * MIB


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def upload(client: Client, chunked: bool) -> None:
    """Sends a body of 40 MiB, holding little of it at a time."""
    piece = b"x" * 2**16
    framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    for _ in range(LARGE // len(piece)):
        await client.send(framed)
    await client.send(b"0\r\n\r\n" if chunked else b"")


@pytest.mark.parametrize("framing", [f"content-length: {LARGE}", "transfer-encoding: chunked"])
async def test_a_body_too_large(rig: Rig, provider: Upstream, framing: str) -> None:
    """It is a 413 in JSON, is not kept in memory, and ends the connection."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n{framing}\r\n\r\n"
    async with connected(rig.port) as client:
        before = peak_kib()
        await client.send(head.encode())
        await upload(client, "chunked" in framing)
        answer = await client.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert "1 MiB" in answer.json["error"]["message"]
        assert answer.headers["connection"] == "close"
        assert await client.ended()
    assert peak_kib() - before < 16 * 1024
    assert (provider.requests, rig.executions()) == ([], [])


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 413)])
async def test_the_limit_to_the_byte(rig: Rig, provider: Upstream, over: int, status: int) -> None:
    """A body of just the limit is taken; one byte more is refused as soon as it is announced."""
    provider.json()
    request = rig.request(body=json.dumps(CHAT).encode().ljust(MIB + over))
    async with connected(rig.port) as client:
        if over:
            head = request[: request.index(b"\r\n\r\n") + 4]
            assert (await client.call(head)).status == status
        else:
            assert (await client.call(request)).status == status


async def test_expect_and_a_body_too_large(rig: Rig, provider: Upstream) -> None:
    """It is refused before the body is asked for, and no later request is taken for its body."""
    head = rig.request(body=b"", content_length=str(LARGE), expect="100-continue")
    async with connected(rig.port) as client:
        answer = await client.call(head)
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        # A client that goes on all the same gets nothing: its request is not told from a body.
        await client.send(rig.request())
        client.writer.write_eof()
        assert await client.ended()
    assert (provider.requests, rig.executions()) == ([], [])


async def test_expect_and_a_body_that_fits(rig: Rig, provider: Upstream) -> None:
    """The body is asked for, then the call goes its way."""
    provider.json()
    head, _, body = rig.request(expect="100-continue").partition(b"\r\n\r\n")
    async with connected(rig.port) as client:
        await client.send(head + b"\r\n\r\n")
        assert (await client.head())[0] == 100
        assert (await client.call(body)).status == 200
    assert b"expect" not in provider.requests[0].lower()


@pytest.mark.parametrize("size", [MIB // 2, 3 * MIB])
async def test_a_large_answer(rig: Rig, provider: Upstream, size: int) -> None:
    """The limit is one on requests: an answer passes whatever its size, and is metered."""
    body = ANSWER[:-1] + b" " * size + b"}"
    provider.json(body)
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).body == body
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "exact")


async def unannounced() -> AsyncIterator[bytes]:
    """A body of 2 MiB without a length."""
    for _ in range(32):
        yield b"x" * 2**16


async def test_refused_bodies_are_not_kept(rig: Rig) -> None:
    """On a connection that goes on, nothing is held of the requests that were too large."""
    async with h2(rig) as client:
        for _ in range(5):
            answer = await client.post("https://api.openai.com/v1/x", content=unannounced())
            assert answer.status_code == 413
        gc.collect()
        held = [each for each in gc.get_objects() if isinstance(each, GovernedStream)]
        assert sum(len(stream.request_body_buf) for stream in held) < MIB
