"""What a client never ends is ended, and what an honest one sends is taken."""

from __future__ import annotations

import json

import pytest

from aex_addon.http1_body import LINE_BYTES_MAX
from aex_addon.http1_clients import HEAD_BYTES_MAX
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import ANSWER, Upstream, connected


def chunked(rig: Rig, body: bytes) -> bytes:
    call = rig.request(body=b"", content_length="", transfer_encoding="chunked")
    return call + body


async def test_a_head_that_never_ends(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It is refused in JSON, the log says why, and the connection ends."""
    async with connected(rig.port) as client:
        await client.send(b"GET /v1/models HTTP/1.1\r\nx: ".ljust(HEAD_BYTES_MAX + 1, b"x"))
        answer = await client.answer()
        assert (answer.status, answer.code) == (431, "malformed_request")
        assert "larger than 256 KiB" in answer.json["error"]["message"]
        assert await client.ended()
    assert "a client's connection is closed: The head of the request is larger" in caplog.text
    assert rig.executions() == []


async def test_a_large_head(rig: Rig, provider: Upstream) -> None:
    """One that ends within the limit is none of these, nor is a small one after much else."""
    provider.json()
    provider.json()
    async with connected(rig.port) as client:
        filler = "x" * (HEAD_BYTES_MAX - 1024)
        assert (await client.call(rig.request(x_filler=filler))).body == ANSWER
        assert (await client.call(rig.request())).body == ANSWER


async def test_a_line_between_chunks_that_never_ends(rig: Rig) -> None:
    """The connection ends; nothing is asked of anybody."""
    async with connected(rig.port) as client:
        await client.send(chunked(rig, b"1;" + b"a" * LINE_BYTES_MAX))
        assert await client.ended()
    assert rig.executions() == []


async def test_trailers_of_a_request(rig: Rig, provider: Upstream) -> None:
    """The call goes as it would without them, and so does the next one."""
    body = json.dumps(CHAT).encode()
    sent = b"%x\r\n%s\r\n0\r\nx-checksum: 1\r\n\r\n" % (len(body), body)
    provider.json()
    provider.json()
    async with connected(rig.port) as client:
        assert (await client.call(chunked(rig, sent))).body == ANSWER
        assert (await client.call(rig.request())).body == ANSWER
    assert all(b"x-checksum" not in request for request in provider.requests)
    assert [row.state for row in rig.executions()] == ["COMMITTED"] * 2
