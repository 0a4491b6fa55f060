"""HTTP/2's windows, so that each side sends no more than can go on.

Owns: how much is let in of a stream, and when more is: mitmproxy opens windows of 2 GiB and gives
every byte back at once, so that a client's unfinished bodies, and an answer that its client does
not take, would all be held; and that streams which are over are forgotten.
Refuses to know: the connections themselves, which are read on meanwhile: windows are opened there,
and other streams go on. https://www.rfc-editor.org/rfc/rfc9113#section-5.2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from h2.settings import SettingCodes
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._events import HttpEvent, RequestHeaders
from mitmproxy.proxy.layers.http._http2 import Http2Client, Http2Connection, Http2Server
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

# Of one stream, before anything is known about it.
FROM_CLIENT = 256 * 1024
FROM_PROVIDER = 1024 * 1024

# Of all unfinished bodies of one connection. Beyond it only the oldest of them comes in.
UNFINISHED_MAX = 64 * 1024 * 1024

TIDY_EACH = 1024

Streams = Mapping[int, HttpStream]


@dataclass
class Credit(HttpEvent):
    """Time to give back what is owed, if it may be."""


class CreditedConnection(BufferedH2Connection):
    """What came of a stream that is held is owed to it, and given back once it is not."""

    holds: Callable[[int], bool]
    owed: dict[int, int]

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        """So many bytes of a stream have been passed on inside."""
        owed = self.owed.pop(stream_id, 0) + acknowledged_size
        if self.holds(stream_id):
            self.owed[stream_id] = owed
        else:
            super().acknowledge_received_data(owed, stream_id)

    def settle(self) -> None:
        """Gives back what is owed to streams that are held no more."""
        for stream_id in [each for each in self.owed if not self.holds(each)]:
            super().acknowledge_received_data(self.owed.pop(stream_id), stream_id)


class _Credited(Http2Connection):
    h2_conn: CreditedConnection

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, Credit):
            return self._settle()
        return super()._handle_event(event)

    def _settle(self) -> layer.CommandGenerator[None]:
        self.h2_conn.settle()
        if data := self.h2_conn.data_to_send():
            yield commands.SendData(self.conn, data)


class CreditedServer(_Credited, Http2Server):
    """mitmproxy's side towards a client."""

    def __init__(self, context: Context, streams: Streams) -> None:
        super().__init__(context)
        _credited(self.h2_conn, lambda stream_id: unfinished(streams, stream_id))
        self.h2_conn.local_settings.initial_window_size = FROM_CLIENT
        # As mitmproxy does: what is told when the connection begins, holds from then on.
        self.h2_conn.local_settings.acknowledge()


class CreditedClient(_Credited, Http2Client):
    """mitmproxy's side towards a provider. See `adopt`."""

    served: Streams
    kept = 0

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, RequestHeaders) and len(self.our_stream_id) > self.kept + TIDY_EACH:
            self._tidy()
        return super()._handle_event(event)

    def _tidy(self) -> None:
        """Forgets which stream was whose: mitmproxy keeps all that a connection ever had."""
        for theirs, ours in list(self.our_stream_id.items()):
            if theirs not in self.served and ours not in self.streams and self.is_closed(ours):
                del self.our_stream_id[theirs], self.their_stream_id[ours]
        self.kept = len(self.our_stream_id)


def _credited(made: BufferedH2Connection, holds: Callable[[int], bool]) -> CreditedConnection:
    made.__class__ = CreditedConnection
    http2 = cast("CreditedConnection", made)
    http2.holds, http2.owed = holds, {}
    return http2


def unfinished(streams: Streams, stream_id: int) -> bool:
    """Whether a request's body must wait for others of its connection to be complete.

    The oldest never does: it ends, or reaches the limit on bodies.
    """
    sizes = {each: len(stream.request_body_buf) for each, stream in streams.items()}
    if sum(sizes.values()) <= UNFINISHED_MAX:
        return False
    return stream_id != next(each for each, size in sizes.items() if size)


def adopt(
    connections: Mapping[Connection, layer.Layer], connection: Connection, streams: Streams
) -> CreditedConnection | None:
    """Gives a new connection to a provider such windows, if it speaks HTTP/2.

    mitmproxy makes its side at the end of a stack of its own, and has said hello already. What is
    said anew leaves with the first request.
    """
    stack = connections.get(connection)
    found = stack.context.layers[-1] if stack is not None else None
    if type(found) is not Http2Client:
        return None
    found.__class__ = CreditedClient
    ours = cast("CreditedClient", found)
    ours.served, theirs = streams, ours.their_stream_id

    def holds(stream_id: int) -> bool:
        return untaken(streams.get(theirs.get(stream_id, 0)))

    http2 = _credited(ours.h2_conn, holds)
    http2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: FROM_PROVIDER})
    http2.local_settings.acknowledge()
    return http2


def untaken(stream: HttpStream | None) -> bool:
    """Whether an answer is held: by a hook that is waited for, or as its client takes no more."""
    if stream is None:
        return False
    if stream._paused_event_queue:
        return True
    position = stream.context.layers.index(stream)
    around = stream.context.layers[position - 1]
    client = cast("HttpLayer", around).connections.get(stream.context.client)
    waits = isinstance(client, Http2Server) and client.h2_conn.stream_buffers.get(stream.stream_id)
    return bool(waits)
