"""Errors that mitmproxy answers by itself have the provider's shape, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest

from aex_addon.http_layer import GovernedStream
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected

MIB = 2**20
LARGE = 40 * MIB
TWO_FRAMINGS = (
    b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
)


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


@pytest.mark.parametrize(
    ("request_bytes", "said"),
    [
        (b"GET /v1/models HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", "invalid header name"),
        (
            b"POST /v1/x HTTP/1.1\r\nHost: x\r\nX Y: z\r\nContent-Length: 3\r\n\r\nabc",
            "header name",
        ),
        (TWO_FRAMINGS, "both transfer-encoding and content-length"),
        (b"POST /v1/x HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "no HTTP"),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", "no host header"),
        (b"GET /v1/models HTTP/1.1\r\nno colon\r\n\r\n", "no HTTP"),
        (b"GET v1/models HTTP/1.1\r\nHost: x\r\n\r\n", "no HTTP"),
        (b"GET http://user@api.openai.com/v1/models HTTP/1.1\r\n\r\n", "no HTTP"),
    ],
)
async def test_a_malformed_request(rig: Rig, request_bytes: bytes, said: str) -> None:
    """What is no HTTP, or only nearly, is a 400 in JSON, and the connection ends."""
    async with connected(rig.port) as client:
        await client.send(request_bytes)
        answer = await client.answer()
        assert (answer.status, answer.code) == (400, "malformed_request")
        assert said in answer.json["error"]["message"]
        assert "mitmproxy" not in answer.json["error"]["message"]
        assert await client.ended()


async def test_an_upstream_that_is_away(rig: Rig, provider: Upstream) -> None:
    """Nothing was sent: a 502 that may be repeated, on a connection that goes on."""
    async with connected(rig.port) as client:
        provider.stop()
        answer = await client.call(rig.request())
        assert (answer.status, answer.code) == (502, "upstream_failed")
        assert answer.headers["x-should-retry"] == "true"
        assert answer.headers["x-aex-execution-id"] == rig.executions()[0].execution_id
        assert (await client.call(rig.request())).status == 502
    assert [row.state for row in rig.executions()] == ["RELEASED"] * 2


@pytest.mark.parametrize("answered", [b"", b"this is no HTTP\r\n\r\n"])
async def test_an_upstream_that_breaks(rig: Rig, provider: Upstream, answered: bytes) -> None:
    """Something was sent: a 502 that must not be repeated, and the reserve is booked."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answered)
        await writer.drain()
        writer.close()

    provider.answers.append(hang_up)
    async with connected(rig.port) as client:
        answer = await client.call(rig.request())
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert answer.headers["x-should-retry"] == "false"
    assert "may have billed" in answer.json["error"]["message"]
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
    assert row.actual_nanousd == row.reserved_nanousd > 0


async def test_head_keeps_the_connection_in_step(rig: Rig, provider: Upstream) -> None:
    """An error to HEAD has no body, so the next answer is read as what it is."""
    provider.stop()
    head = rig.request("/v1/models", b"", content_length="").replace(b"POST", b"HEAD")
    async with connected(rig.port) as client:
        await client.send(head)
        refused = await client.answer("HEAD")
        assert refused.status in (403, 502)
        assert (await client.call(rig.request())).code == "upstream_failed"


async def test_a_shape_that_cannot_be_made(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault while an error is shaped leaves mitmproxy's own page; the client does not hang."""
    provider.stop()
    monkeypatch.setattr("aex_addon.addons._shape", lambda *_: 1 / 0)
    async with connected(rig.port) as client:
        answer = await client.call(rig.request())
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")


@pytest.mark.parametrize("size", [MIB // 2, 3 * MIB])
async def test_a_large_answer(rig: Rig, provider: Upstream, size: int) -> None:
    """The limit is one on requests: an answer passes whatever its size, and is metered."""
    body = ANSWER[:-1] + b" " * size + b"}"
    provider.json(body)
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).body == body
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "exact")


class OnlyHttp2(ssl.SSLContext):
    """Offers nothing else; httpx itself would rather speak HTTP/1.1."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


def h2(rig: Rig) -> httpx.AsyncClient:
    context = OnlyHttp2(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(rig.assembly.home.bundle)
    return httpx.AsyncClient(http2=True, proxy=rig.proxy, verify=context, trust_env=False)


async def test_http2(rig: Rig, provider: Upstream) -> None:
    """Over HTTP/2 the shapes are the same, and the connection serves the next call."""
    url = "https://api.openai.com/v1/chat/completions"
    async with h2(rig) as client:
        large = await client.post(url, content=b"x" * 2 * MIB)
        provider.json()
        served = await client.post(url, json=CHAT)
        provider.stop()
        away = await client.post(url, json=CHAT)
    assert large.http_version == served.http_version == away.http_version == "HTTP/2"
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
    assert served.content == ANSWER
    assert (away.status_code, away.json()["error"]["code"]) == (502, "upstream_failed")
    assert json.loads(away.content)["error"]["type"] == "server_error"


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
