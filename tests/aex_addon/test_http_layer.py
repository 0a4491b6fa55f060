"""Errors that mitmproxy answers by itself have the provider's shape, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable

import httpx
import pytest
from mitmproxy.options import Options
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.test import tflow

from aex_addon.http_layer import _fork, joined
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import ANSWER, Upstream, connected

MIB = 2**20
TWO_FRAMINGS = (
    b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
)


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


def test_what_is_sent_at_once_is_sent_as_one() -> None:
    """To one side, with nothing else between, and unless it is large; every byte, in its order."""
    flow = tflow.tflow()
    one, other = flow.client_conn, flow.server_conn
    large = b"L" * (40 * 1024)

    def sent() -> layer.CommandGenerator[None]:
        yield commands.SendData(one, b"head ")
        yield commands.SendData(one, b"and ")
        yield commands.SendData(one, b"body")
        yield commands.SendData(other, b"elsewhere")
        yield commands.SendData(one, b"back")
        yield commands.CloseConnection(one)
        yield commands.SendData(other, b"small")
        yield commands.SendData(other, large)
        yield commands.SendData(other, b"tail")

    found = [
        (command.connection, command.data if isinstance(command, commands.SendData) else None)
        for command in joined(sent())
        if isinstance(command, commands.ConnectionCommand)
    ]
    assert found == [
        (one, b"head and body"),
        (other, b"elsewhere"),
        (one, b"back"),
        (one, None),
        (other, b"small"),
        (other, large),
        (other, b"tail"),
    ]


def test_what_was_sent_before_a_fault_is_sent() -> None:
    """As mitmproxy would have; the fault is told all the same."""
    one = tflow.tflow().client_conn

    def sent() -> layer.CommandGenerator[None]:
        yield commands.SendData(one, b"head ")
        yield commands.SendData(one, b"and half")
        raise ValueError("in the middle")

    steps = joined(sent())
    said = next(steps)
    assert isinstance(said, commands.SendData)
    assert said.data == b"head and half"
    with pytest.raises(ValueError, match="in the middle"):
        next(steps)


def test_a_stream_s_context_is_what_mitmproxy_s_would_be() -> None:
    """Every attribute, and the layers are a list of its own."""
    context = Context(tflow.tclient_conn(), Options())
    context.layers.append(NextLayer(context))
    # What a later mitmproxy keeps there too.
    vars(context)["later"] = object()
    ours, theirs = _fork(context), context.fork()
    assert vars(ours) == {**vars(theirs), "later": vars(context)["later"]}
    assert ours.layers is not context.layers


@pytest.mark.parametrize("door", ["base-url", "tunnel"])
async def test_connections_that_are_over_are_forgotten(
    rig: Rig, provider: Upstream, door: str
) -> None:
    """However often a provider closes, a client that stays makes the gateway hold no more."""

    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        await writer.drain()
        writer.close()

    provider.answers += [once] * 12
    call = rig.request()
    async with connected(rig.port) as client:
        if door == "tunnel":
            assert await client.tunnel("api.openai.com:443", rig.basic) == 200
            await client.start_tls(rig.trust(), "api.openai.com")
            call = call.replace(f"127.0.0.1:{rig.port}".encode(), b"api.openai.com")
        for _ in range(12):
            assert (await client.call(call)).body == ANSWER
        (handler,) = rig.master.addons.get("proxyserver").connections.values()
        (outer,) = [each for each in handler.layer.context.layers if isinstance(each, HttpLayer)]
        layers = [outer]
        for stream in outer.streams.values():
            layers += [each for each in stream.context.layers if type(each) is type(outer)]
        assert max(len(each.connections) for each in layers) <= 4
    assert len(set(layers)) == (2 if door == "tunnel" else 1)
    assert [row.state for row in rig.executions()] == ["COMMITTED"] * 12
