"""What comes faster than it can go on is left in the network; nothing of it is lost.

(The memory of a real gateway: tests/end_to_end/test_memory.py.)
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.options import Options
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.tunnel import TunnelLayer
from mitmproxy.test import tflow

from aex_addon import pressure
from aex_addon.pressure import HELD_MAX, Held, held
from tests.aex_addon.http2_client import HOST, http2_client
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected
from tests.aex_addon.ws import Side, accepting, opened

KIB, MIB = 2**10, 2**20
PIECE = b"x" * 64 * KIB
# More than all buffers of the sockets between two ends.
FLOOD = 32 * MIB


class Full:
    """Tells when a connection is not read because of what it holds, and of how much that was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most, self._event = 0, asyncio.Event()
        monkeypatch.setattr(pressure, "held", self._held)

    def _held(self, top: layer.Layer, connection: Connection) -> Held:
        found = held(top, connection)
        self.most = max(self.most, found.waiting)
        if found.waiting > HELD_MAX:
            self._event.set()
        return found

    async def wait(self) -> None:
        """Returns once that is so."""
        async with asyncio.timeout(20):
            await self._event.wait()

    def bounded(self) -> bool:
        """Whether it was no more than what is looked for, and what is read between two looks."""
        return self.most < HELD_MAX + MIB


@pytest.fixture
async def full(monkeypatch: pytest.MonkeyPatch) -> Full:
    return Full(monkeypatch)


class Late:
    """An addon whose hook waits until it may go on."""

    def __init__(self, hook: str) -> None:
        self.go_on = asyncio.Event()
        setattr(self, hook, self._wait)

    async def _wait(self, _flow: http.HTTPFlow) -> None:
        await self.go_on.wait()


async def door(rig: Rig, kind: str) -> tuple[Client, bytes]:
    """A connection, and a call on it whose body has 64 KiB."""
    client, padding = await Client.open(rig.port), b" " * 64 * KIB
    call = rig.request(body=json.dumps(CHAT).encode() + padding)
    if kind == "tunnel":
        assert await client.tunnel(f"{HOST}:443", rig.basic) == 200
        await client.start_tls(rig.trust(), HOST)
        call = call.replace(f"host: 127.0.0.1:{rig.port}".encode(), f"host: {HOST}".encode())
    return client, call


@pytest.mark.parametrize("kind", ["base-url", "tunnel"])
async def test_requests_before_the_answer(
    rig: Rig, provider: Upstream, full: Full, kind: str
) -> None:
    """Who sends request after request is not read while one is under way, and gets all answers;
    each call is booked once."""
    count, answer = 48, asyncio.Event()
    provider.json()
    whole = provider.answers.pop()
    assert isinstance(whole, bytes)

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.write(whole)
        await writer.drain()

    provider.answers += [script, *[whole] * (count - 1)]
    client, call = await door(rig, kind)
    sending = asyncio.ensure_future(client.send(call * count))
    await full.wait()
    assert len(provider.requests) <= 1
    answer.set()
    assert [(await client.answer()).body for _ in range(count)] == [ANSWER] * count
    await sending
    await client.close()
    assert full.bounded()
    assert [row.state for row in rig.executions()] == ["COMMITTED"] * count


async def test_a_client_that_leaves_while_it_is_not_read(
    rig: Rig, provider: Upstream, full: Full
) -> None:
    """Its call is booked as one that nobody waited for, once the provider has said something."""
    answer = asyncio.Event()

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b"data: {}\n\n" * 1000)
            await writer.drain()

    provider.answers.append(script)
    client, call = await door(rig, "base-url")
    sending = asyncio.ensure_future(client.send(call * 400))
    await full.wait()
    client.writer.transport.abort()
    await asyncio.wait([sending])
    answer.set()
    async with asyncio.timeout(20):
        while rig.pipeline.inflight or not rig.executions():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")


async def listening(serve: Any) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_bytes_before_a_tunnel_stands(rig: Rig, full: Full) -> None:
    """They wait, and come through it in their order."""
    got = bytearray()
    come = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            got.extend(data)
        come.set()
        writer.close()

    server, port = await listening(serve)
    late = Late("http_connect")
    rig.master.addons.add(late)
    sent = bytes(range(256)) * 8 * KIB
    async with server, connected(rig.port) as client:
        client.writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode() + sent)
        client.writer.write_eof()
        await full.wait()
        late.go_on.set()
        assert (await client.head())[0] == 200
        await asyncio.wait_for(come.wait(), 20)
    assert bytes(got) == sent
    assert full.bounded()


async def test_both_ways_of_a_tunnel(rig: Rig) -> None:
    """A server that speaks to its end before it listens hears all, as it would without AEX."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(FLOOD // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()
        await reader.readexactly(FLOOD)
        writer.close()

    server, port = await listening(serve)
    async with server, connected(rig.port) as client:
        assert await client.tunnel(f"127.0.0.1:{port}") == 200

        async def send() -> None:
            for _ in range(FLOOD // len(PIECE)):
                await client.send(PIECE)

        async with asyncio.timeout(20):
            _, got = await asyncio.gather(send(), client.reader.read(-1))
    assert len(got) == FLOOD


async def test_messages_while_a_hook_waits(rig: Rig, provider: Upstream, full: Full) -> None:
    """A provider that talks on over a WebSocket is not read; later all of it is heard."""
    count = 64

    async def talk(side: Side) -> None:
        for number in range(count):
            await side.say({"type": "ping", "number": number, "filler": "x" * 64 * KIB})
        await side.hear()

    late = Late("websocket_message")
    rig.master.addons.add(late)
    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await full.wait()
        late.go_on.set()
        assert [(await client.hear())["number"] for _ in range(count)] == list(range(count))
    assert full.bounded()


async def test_an_answer_that_its_client_does_not_take(
    rig: Rig, provider: Upstream, full: Full
) -> None:
    """Where the window of HTTP/2 stays closed, the provider is not read; another stream goes on,
    and once the window is opened, all comes."""
    size = 4 * MIB

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % size)
        for _ in range(size // len(PIECE)):
            writer.write(b" " * len(PIECE))
            await writer.drain()

    provider.answers.append(script)
    provider.json()
    async with http2_client(rig) as client:
        slow = await client.ask(CHAT)
        await full.wait()
        assert await client.answered(await client.ask(CHAT)) == (200, ANSWER)
        await client.take(slow)
        status, body = await client.answered(slow)
    assert (status, len(body)) == (200, size)
    assert full.bounded()


def paused(context: Context, *queue: events.Event) -> layer.NextLayer:
    found = layer.NextLayer(context)
    found._paused_event_queue = deque(queue)
    return found


def test_what_counts() -> None:
    """Queued data counts for the connection that it came from, wherever it is queued; empty events
    are not free; what only a provider's window of HTTP/2 sets free does not count."""
    client = tflow.tclient_conn()
    context = Context(client, Options())
    server = context.server
    queue = (
        events.DataReceived(client, b"12345"),
        events.DataReceived(server, b"123"),
        RequestData(1, b""),
        ResponseData(1, b"12"),
        events.ConnectionClosed(client),
    )
    top = paused(context, *queue)
    undecided = layer.NextLayer(context)
    undecided.events = list(queue)
    shaking_hands = TunnelLayer(context, client, client)
    shaking_hands._event_queue = list(queue)
    top.layer, undecided.layer, shaking_hands.child_layer = undecided, shaking_hands, top
    assert held(top, client) == (3 * (5 + 3 * pressure._EVENT), 0)
    assert held(top, server) == (3 * (5 + 2 * pressure._EVENT), 0)
    server.alpn = b"h2"
    assert held(top, server) == (3 * (3 + pressure._EVENT), 0)
