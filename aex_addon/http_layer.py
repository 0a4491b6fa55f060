"""What mitmproxy's HTTP layer does not leave to an addon, mended.

Owns: (1) in which form a request came (absolute-form goes through the proxy, origin-form is
addressed to AEX itself), which is gone when the first hook runs; (2) the shape of the errors that
mitmproxy answers by itself (upstream refused, body too large, malformed request), which would
otherwise be HTML pages in front of an SDK that expects its provider's JSON; (3) that an interrupt
finds its call, also through tunnels and TLS (what it does there: http_stream.py).
The connections themselves: http1_clients.py, http1_upstream.py, http2_credit.py.
Refuses to know: budgets, providers. What an error looks like is decided by `shape`.

Every event of every call passes here, so what has nothing to add hands mitmproxy's own generator on
rather than one around it.
"""

from __future__ import annotations

import logging

from mitmproxy import http
from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream, RegisterHttpConnection
from mitmproxy.proxy.layers.http._events import (
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.tls import ClientTLSLayer
from mitmproxy.version import MITMPROXY

from aex_addon import http1_upstream, http2_credit
from aex_addon.client_hello import GovernedClientTls
from aex_addon.http1_clients import TOO_LARGE, GovernedHttp1Server
from aex_addon.http2_credit import Credit, CreditedConnection, CreditedServer
from aex_addon.http_stream import Aside, GovernedStream, Interrupt, Remarks

logger = logging.getLogger("aex")

_FORM = "_aex_absolute_form"
_MITMPROXY = MITMPROXY.encode()

# Larger ones are not copied; a record of TLS holds 16 KiB.
_JOINED_MAX = 32 * 1024


def came_in_absolute_form(request: http.Request) -> bool:
    """True if the request line held a whole URL, as clients send them to a proxy."""
    return bool(getattr(request, _FORM, False))


class GovernedHttpLayer(HttpLayer):
    """mitmproxy's layer with these remarks. See `adopt`."""

    remarks: Remarks
    answered: set[int]
    over: set[Connection]
    credited: dict[Connection, CreditedConnection]

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Brings an interrupt to the stream of its flow; all else is mitmproxy's."""
        if isinstance(event, Interrupt | Aside):
            return self._interrupt(event)
        if isinstance(event, events.Start):
            self._serve()
        handled = super()._handle_event(event)
        if isinstance(event, events.ConnectionEvent):
            connection = event.connection
            if connection not in self.connections and connection != self.context.server:
                # It has been forgotten.
                return _nothing()
            if isinstance(event, events.ConnectionClosed):
                handled = self._closing(connection, handled)
        return joined(self._settling(handled) if self.credited else handled)

    def _serve(self) -> None:
        """Chooses the client's side, which mitmproxy would make itself."""
        client, context = self.context.client, _fork(self.context)
        if client.alpn == b"h2":
            server = CreditedServer(context, self.streams)
            self.connections[client], self.credited[client] = server, server.h2_conn
        else:
            self.connections[client] = GovernedHttp1Server(context)

    def _settling(self, sent: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """Whatever happened, more of a stream may be let in now."""
        yield from sent
        for connection in [each for each, http2 in self.credited.items() if http2.owed]:
            yield from self.event_to_child(self.connections[connection], Credit(0))

    def _closing(
        self, connection: Connection, handled: layer.CommandGenerator[None]
    ) -> layer.CommandGenerator[None]:
        """mitmproxy would keep each connection to a provider for as long as the client's."""
        yield from handled
        if connection is not self.context.client and connection.state is ConnectionState.CLOSED:
            self.over.add(connection)
        used = {stream.context.server for stream in self.streams.values()}
        for each in self.over - used - set(self.waiting_for_establishment):
            self.abandon(each)

    def abandon(self, connection: Connection) -> None:
        """Hears nothing of this connection any more, and does not use it again."""
        self.connections.pop(connection, None)
        self.credited.pop(connection, None)
        self.over.discard(connection)

    def _interrupt(self, event: Interrupt | Aside) -> layer.CommandGenerator[None]:
        for stream in list(self.streams.values()):
            inside = stream.child_layer is not None
            if inside or getattr(stream, "flow", None) is event.flow:
                yield from self.event_to_child(stream, event)

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        """A stream of ours in place of mitmproxy's."""
        stream = GovernedStream(_fork(self.context), stream_id)
        stream.remarks = self.remarks
        self.streams[stream_id] = stream
        yield from self.event_to_child(stream, events.Start())

    def register_connection(self, command: RegisterHttpConnection) -> layer.CommandGenerator[None]:
        """A connection to a provider stands, or could not be had."""
        http1_upstream.adopt(self.connections, command.connection)
        http2 = http2_credit.adopt(self.connections, command.connection, self.streams)
        if http2 is not None:
            self.credited[command.connection] = http2
        yield from super().register_connection(command)
        if command.err:
            # mitmproxy would let the next request to this address fail without dialling again.
            self.abandon(command.connection)

    def event_to_child(
        self, child: layer.Layer | HttpStream, event: events.Event
    ) -> layer.CommandGenerator[None]:
        """Passes events on, marking requests and shaping errors on their way."""
        to_client = child is self.connections.get(self.context.client)
        if isinstance(event, RequestHeaders) and isinstance(child, HttpStream):
            setattr(event.request, _FORM, event.request.first_line_format == "absolute")
        elif isinstance(event, ResponseHeaders) and to_client:
            # An interim response (100 Continue) is no answer yet.
            if event.response.status_code >= 200:
                self.answered.add(event.stream_id)
        elif isinstance(event, ResponseProtocolError) and to_client:
            return self._failed(child, event)
        elif isinstance(event, ResponseEndOfMessage) and to_client:
            self.answered.discard(event.stream_id)
        elif (
            isinstance(event, events.DataReceived)
            and isinstance(child, Http1Server)
            and child.state == child.read_headers
        ):
            return self._received(child, event)
        return super().event_to_child(child, event)

    def _failed(
        self, child: layer.Layer | HttpStream, event: ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        if isinstance(child, Http1Server) and event.stream_id != child.stream_id:
            # A second fault of a call that has been answered for its first.
            return
        shaped = self._shaped(event)
        if shaped is None:
            yield from super().event_to_child(child, event)
        else:
            yield from self._answer(child, event.stream_id, shaped)
        self.answered.discard(event.stream_id)
        # mitmproxy keeps such a stream, with what it had read, for as long as the connection.
        self.streams.pop(event.stream_id, None)

    def _answer(
        self, child: layer.Layer | HttpStream, stream_id: int, shaped: http.Response
    ) -> layer.CommandGenerator[None]:
        http1_server = child if isinstance(child, Http1Server) else None
        if http1_server and (shaped.status_code < 500 or not http1_server.request_done):
            # The rest of the request may come, or, after `Expect`, never; or its framing is in
            # doubt. No later byte can be told from it, so it is the last request here.
            shaped.headers["connection"] = "close"
        yield from super().event_to_child(child, ResponseHeaders(stream_id, shaped, False))
        if shaped.raw_content:
            body = ResponseData(stream_id, shaped.raw_content)
            yield from super().event_to_child(child, body)
        yield from super().event_to_child(child, ResponseEndOfMessage(stream_id))
        if http1_server and shaped.status_code == 400 and self._can_write():
            yield commands.CloseConnection(self.context.client)

    def _can_write(self) -> bool:
        return bool(self.context.client.state & ConnectionState.CAN_WRITE)

    def _shaped(self, event: ResponseProtocolError) -> http.Response | None:
        status = event.code.http_status_code()
        stream = self.streams.get(event.stream_id)
        if status is None or stream is None or event.stream_id in self.answered:
            return None
        return self._shape(stream.flow, status, event.message)

    def _shape(self, flow: http.HTTPFlow, status: int, message: str) -> http.Response | None:
        if not self._can_write():
            return None
        try:
            return self.remarks.shape(flow, status, message)
        except Exception:
            # An exception here would hang the client; mitmproxy's own page does not.
            logger.exception("an error of the proxy could not be put in a provider's shape")
            return None

    def _received(
        self, child: Http1Server, event: events.DataReceived
    ) -> layer.CommandGenerator[None]:
        """A head of a client; what cannot be read as a request gets a page, which is replaced."""
        for command in super().event_to_child(child, event):
            if isinstance(command, commands.SendData) and _MITMPROXY in command.data:
                # mitmproxy's own page; no hook has run that could have made this answer.
                command.data = self._unreadable(command.data) or command.data
            yield command

    def _unreadable(self, page: bytes) -> bytes | None:
        status, message = 400, "The bytes received are no HTTP request."
        if page.startswith(b"HTTP/1.1 431"):
            status, message = 431, TOO_LARGE
        flow = http.HTTPFlow(self.context.client, self.context.server)
        flow.request = http.Request.make("GET", "http://unreadable.invalid/")
        shaped = self._shape(flow, status, message)
        if shaped is None:
            return None
        shaped.headers["connection"] = "close"
        return bytes(http1.assemble_response(shaped))


def _fork(context: Context) -> Context:
    """As `Context.fork`, which makes an unconnected server, with an id of its own, to forget it."""
    forked = Context.__new__(Context)
    vars(forked).update(vars(context), layers=context.layers.copy())
    return forked


def joined(sent: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
    """The commands, but what is sent at once to one side is sent as one: each piece would be a
    record of TLS and a system call of its own, and mitmproxy sends a head and its body apart.

    Nothing waits for what comes later than this event, and no order changes.
    """
    held: commands.SendData | None = None
    try:
        for command in sent:
            more = command if isinstance(command, commands.SendData) else None
            if held is not None and more is not None and _fit(held, more):
                held.data += more.data
                continue
            if held is not None:
                yield held
            held = more
            if more is None:
                yield command
    except Exception:
        # mitmproxy had sent that much.
        if held is not None:
            yield held
        raise
    if held is not None:
        yield held


def _fit(held: commands.SendData, more: commands.SendData) -> bool:
    size = len(held.data) + len(more.data)
    return held.connection is more.connection and size <= _JOINED_MAX


def _nothing() -> layer.CommandGenerator[None]:
    yield from ()


def adopt(found: layer.Layer | None, remarks: Remarks) -> None:
    """Makes every plain HttpLayer in a stack of layers a governed one, and what opens TLS.

    mitmproxy builds the layer itself, together with what lies around it (TLS to the proxy), and
    offers no factory; giving the finished object its subclass is the one seam there is.
    """
    while found is not None:
        if type(found) is HttpLayer:
            found.__class__ = GovernedHttpLayer
            governed: GovernedHttpLayer = found  # type: ignore[assignment]
            governed.remarks = remarks
            governed.answered, governed.over, governed.credited = set(), set(), {}
        elif type(found) is ClientTLSLayer:
            found.__class__ = GovernedClientTls
        found = getattr(found, "child_layer", None)
