"""A WebSocket that AEX can speak on, and end: what mitmproxy's own layer offers no addon.

Owns: saying a message to either side, whole and between that side's other messages; closing both
sides with a code; and the limit on messages that are still coming in.
Refuses to know: what is said, and why.

mitmproxy's own injection goes into what the other side is sending, so that a message which has
come in by half would be joined with it; and what it sends anew it cuts into small frames.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, TextMessage

TOO_LARGE = 1009
FAULT = 1011
POLICY = 1008

# Of one message: each is kept by itself until the last has come, however small it is.
FRAMES_MAX = 10_000

_OUTBOX = "_aex_outbox"


@dataclass(slots=True)
class Outbox:
    """What AEX wants said on one WebSocket; emptied by its layer as soon as that is possible.

    size_max: bytes of a message, beyond which it is not waited for and the connection ends.
    said:     (True for the client, False for the provider; the text in UTF-8), oldest first.
    close:    the close code and reason, once the connection is to end; `closing` when it does.
    """

    size_max: int
    said: deque[tuple[bool, bytes]] = field(default_factory=deque)
    close: tuple[int, str] | None = None
    closing: bool = False

    def to_client(self, text: bytes) -> None:
        """Says a message to the client."""
        self.said.append((True, text))

    def to_provider(self, text: bytes) -> None:
        """Says a message to the provider."""
        self.said.append((False, text))

    def end(self, code: int, reason: str) -> None:
        """Ends the connection on both sides, after what was said. Reason: 123 bytes at most."""
        self.close = self.close or (code, reason)

    def holds(self, text: bytes) -> bool:
        """True if this was said to the provider and has not left."""
        return (False, text) in self.said


def open_outbox(flow: http.HTTPFlow, size_max: int) -> Outbox:
    """An outbox for the WebSocket that this flow is about to become."""
    outbox = Outbox(size_max)
    setattr(flow, _OUTBOX, outbox)
    return outbox


def outbox_of(flow: http.HTTPFlow) -> Outbox | None:
    """The outbox of a flow that is a WebSocket, or about to be one."""
    outbox: Outbox | None = getattr(flow, _OUTBOX, None)
    return outbox


class SpeakingStream(HttpStream):
    """mitmproxy's stream; on a WebSocket with an outbox it says what is in there."""

    def passthrough(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Passes the event on; then, unless a hook is still being waited for, speaks."""
        outbox, socket = outbox_of(self.flow), self.child_layer
        if outbox is None or not isinstance(socket, WebsocketLayer):
            passed: layer.CommandGenerator[None] = super().passthrough(event)
            return passed
        return self._passed(socket, outbox, event)

    def _passed(
        self, socket: WebsocketLayer, outbox: Outbox, event: events.Event
    ) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Wakeup):
            yield from self._end(socket, outbox)
            return
        late = outbox.closing or (outbox.close is not None and socket._paused)
        if late and isinstance(event, RequestData | ResponseData):
            # Who sends without a pause would never let it come to the end.
            return
        yield from super().passthrough(event)
        yield from self.speak()

    def speak(self) -> layer.CommandGenerator[None]:
        """Says what is in the outbox, unless a hook is still being waited for."""
        outbox, socket = outbox_of(self.flow), self.child_layer
        if outbox and isinstance(socket, WebsocketLayer) and not socket._paused:
            yield from self._speak(socket, outbox)
            yield from self._judge(socket, outbox)

    def _judge(self, socket: WebsocketLayer, outbox: Outbox) -> layer.CommandGenerator[None]:
        for side in (socket.client_ws, socket.server_ws):
            frames = side.frame_buf
            if len(frames) > FRAMES_MAX or sum(map(len, frames)) > outbox.size_max:
                outbox.end(TOO_LARGE, "the message is too large")
        if outbox.close is not None and not outbox.closing:
            outbox.closing = True
            # Not at once: a connection that mitmproxy closes while it deals with data of that same
            # connection, and more of it has come in, is never really closed.
            yield commands.RequestWakeup(0)

    def _end(self, socket: WebsocketLayer, outbox: Outbox) -> layer.CommandGenerator[None]:
        if outbox.close is None or socket.server_ws.state is not ConnectionState.OPEN:
            return
        code, reason = outbox.close
        # As if the provider had closed: mitmproxy tells both sides and ends the flow.
        socket.server_ws._events.append(CloseConnection(code=code, reason=reason))
        yield from super().passthrough(events.DataReceived(self.context.server, b""))

    def _speak(self, socket: WebsocketLayer, outbox: Outbox) -> layer.CommandGenerator[None]:
        while outbox.said:
            to_client, text = outbox.said[0]
            side = socket.client_ws if to_client else socket.server_ws
            if side.state is not ConnectionState.OPEN:
                return
            outbox.said.popleft()
            data = side.send(TextMessage(text.decode("utf-8")))
            if to_client:
                yield SendHttp(ResponseData(self.stream_id, data), self.context.client)
            else:
                yield SendHttp(RequestData(self.stream_id, data), self.context.server)
