"""No connection is read faster than what it sends can go on.

Owns: (1) that reading waits while much of what came is still held: mitmproxy's layers keep all that
comes while they wait for a hook, a dial or the end of a call, and without this a client that sends
on and on would fill the memory; (2) whom a reader waits for where writing is slow: the other side
of its bytes. mitmproxy waits for all sides behind one lock, so that a tunnel whose server does not
read for a while would not be read from either, and both would wait for ever.
Refuses to know: HTTP/2's own windows (http2_credit.py), whose turn it is (unfinished.py), calls.

What is counted as held must become less without another byte of the same connection, or it would
never be read again. So bodies that are being collected are counted by themselves, and what only a
window of HTTP/2 can set free is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from mitmproxy import ctx
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from aex_addon import clock
from aex_addon.unfinished import Unfinished

logger = logging.getLogger("aex")

HELD_MAX = 256 * 1024

# A side that does not take what its own bytes led to: answers to pings, say.
UNSENT_MAX = 1024 * 1024

_LOOK_EACH = 256 * 1024
# Bytes of the object itself: events without data are not free.
_EVENT = 256
# What is held may become less without a byte being read.
_LOOK_S = 0.02

_HTTP2 = b"h2"


class Pressure:
    """The addon. mitmproxy makes handlers and readers, and reads by `read` alone."""

    def __init__(self) -> None:
        self._unfinished: Unfinished[Any] = Unfinished()

    def client_connected(self, client: Client) -> None:
        """From its first byte on."""
        handler = _handler(client)
        if handler is not None:
            handler.drain_writers = partial(drain, handler)
            handler._aex_stir = asyncio.Event()
            self._pace(handler, client)

    def client_disconnected(self, client: Client) -> None:
        """Nothing of it is held any more."""
        self._unfinished.note(_handler(client), 0, 0)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """The way back of that client's bytes."""
        handler = _handler(data.client)
        if handler is not None:
            self._pace(handler, data.server)

    def _pace(self, handler: Any, connection: Connection) -> None:
        transport = handler.transports.get(connection)
        if transport is not None and transport.reader is not None:
            paced = PacedReader(transport.reader, handler, connection, self._unfinished)
            transport.reader = paced


def _handler(client: Client) -> Any:
    return ctx.master.addons.get("proxyserver").connections.get(client.id)


class PacedReader:
    """A connection's reader that waits while too much of what it gave is held."""

    def __init__(
        self, reader: Any, handler: Any, connection: Connection, unfinished: Unfinished[Any]
    ) -> None:
        self._reader, self._handler, self._connection = reader, handler, connection
        self._unfinished = unfinished
        self._stir: asyncio.Event = handler._aex_stir
        self._unlooked = 0

    async def read(self, size: int) -> bytes:
        """As the reader's own: at most `size` bytes, none at the end."""
        # Whoever waits looks again: the event of the last bytes has been dealt with.
        self._stir.set()
        if self._unlooked >= _LOOK_EACH or self._handler in self._unfinished:
            self._unlooked = 0
            await self._room()
        data: bytes = await self._reader.read(size)
        self._unlooked += len(data)
        return data

    async def _room(self) -> None:
        while self._must_wait():
            self._stir.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._stir.wait()

    def _must_wait(self) -> bool:
        handler, connection = self._handler, self._connection
        found = held(handler.layer, connection)
        if connection is handler.client:
            now = clock.steady_s()
            self._unfinished.note(handler, found.collected, now)
            if self._unfinished.must_wait(handler):
                self._hang_up(now)
                return True
        return found.waiting > HELD_MAX

    def _hang_up(self, now: float) -> None:
        for handler in self._unfinished.silent(now):
            transport = handler.transports.get(handler.client)
            if transport is not None and transport.handler is not None:
                logger.warning("a client that did not send the rest of its request is hung up on")
                transport.handler.cancel("others wait for the room that its request takes")
            self._unfinished.note(handler, 0, 0)


async def drain(handler: Any) -> None:
    """Returns once the sides to which the calling task's bytes go have taken most of them."""
    task = asyncio.current_task()
    of_client = handler.transports.get(handler.client)
    from_client = of_client is not None and of_client.handler is task
    for connection, transport in list(handler.transports.items()):
        own = transport.handler is task
        beside = not from_client and connection is not handler.client
        if transport.writer is None or (_unsent(transport) <= UNSENT_MAX if own else beside):
            continue
        try:
            await transport.writer.drain()
        except OSError as error:
            if transport.handler is not None:
                transport.handler.cancel(f"Error sending data: {error}")


def _unsent(transport: Any) -> int:
    inner = getattr(transport.writer, "transport", None)
    return inner.get_write_buffer_size() if inner is not None else UNSENT_MAX + 1


class Held(NamedTuple):
    """Bytes that came over a connection and have gone nowhere.

    waiting:   until something other than a byte of this connection happens; what comes of an event
               counts with it.
    collected: of requests that have not come in whole.
    """

    waiting: int
    collected: int


def held(top: layer.Layer, connection: Connection) -> Held:
    """What a stack of layers holds of this connection. Looked at often, so it is short."""
    waiting = collected = 0
    todo, seen = [top], set[layer.Layer]()
    while todo:
        found = todo.pop()
        if found in seen:
            continue
        seen.add(found)
        own = vars(found)
        if found._paused_event_queue:
            waiting += _queued(found._paused_event_queue, found, connection)
        kept = own.get("events") or own.get("_event_queue")
        if kept:
            waiting += _queued(kept, found, connection)
        if isinstance(found, HttpLayer):
            todo += found.streams.values()
            todo += found.connections.values()
            waiting += _unread(found, connection)
        elif isinstance(found, HttpStream):
            if found.request_body_buf and found.context.client is connection:
                collected += len(found.request_body_buf)
        elif isinstance(found, Http1Server) and found.conn is connection and found.buf:
            waiting += len(found.buf) if found.state == found.wait else 0
        # Some layers are only their child from a certain time on.
        delegated = getattr(own.get("_handle_event"), "__self__", None)
        inner = own.get("child_layer"), own.get("layer"), delegated
        todo += [each for each in inner if isinstance(each, layer.Layer)]
    return Held(waiting, collected)


def _queued(queue: Iterable[events.Event], found: layer.Layer, connection: Connection) -> int:
    own = [event for event in queue if _source(event, found) is connection]
    return sum(len(getattr(event, "data", b"")) + _EVENT for event in own)


def _source(event: events.Event, found: layer.Layer) -> Connection | None:
    if isinstance(event, events.ConnectionEvent):
        return event.connection
    if isinstance(event, RequestData):
        return found.context.client
    if isinstance(event, ResponseData) and found.context.server.alpn != _HTTP2:
        return found.context.server
    return None


def _unread(found: HttpLayer, connection: Connection) -> int:
    """Answers for which a client that speaks HTTP/2 has opened no window."""
    client = found.connections.get(found.context.client)
    if not isinstance(client, Http2Server) or connection.alpn == _HTTP2:
        return 0
    unread = 0
    for stream_id, pieces in client.h2_conn.stream_buffers.items():
        stream = found.streams.get(stream_id)
        if stream is not None and stream.context.server is connection:
            unread += sum(len(piece.data) for piece in pieces)
    return unread
