"""mitmproxy's HTTP/1.1 client towards providers, with three things of the protocol mended.

Owns: interim answers (1xx), which are no answer: mitmproxy takes the first for the last one, and
the call would be booked as refused while the provider bills it; an end to heads that never end;
bodies as `http1_body.py` has them.
Refuses to know: what an answer says. https://www.rfc-editor.org/rfc/rfc9110#section-15.2
"""

from __future__ import annotations

import re

from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseProtocolError
from mitmproxy.proxy.layers.http._http1 import Http1Client

from aex_addon.http1_body import plain

HEAD_BYTES_MAX = 256 * 1024

# 101 changes the protocol, and is the answer to a request that asked for that.
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d\b")


class GovernedHttp1Client(Http1Client):
    """One connection to a provider. See `adopt`."""

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """The head of the answer itself, if it ends."""
        if self.request:
            while _INTERIM.match(bytes(self.buf)):
                if self.buf.maybe_extract_lines() is None:
                    break
        if len(self.buf) <= HEAD_BYTES_MAX:
            return super().read_headers(event)
        return self._read_headers(event)

    def _read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        yield from super().read_headers(event)
        if self.state == self.read_headers and len(self.buf) > HEAD_BYTES_MAX and self.stream_id:
            # What still comes in until it is closed is not even looked at.
            self.state = self.done
            yield commands.CloseConnection(self.conn)
            message = "the head of the answer is too large"
            yield ReceiveHttp(
                ResponseProtocolError(self.stream_id, message, ErrorCode.GENERIC_SERVER_ERROR)
            )

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """The body, without what may follow it."""
        self.body_reader = plain(self.body_reader)
        return super().read_body(event)


def adopt(connections: dict[Connection, layer.Layer], connection: Connection) -> None:
    """Makes the client of a new connection a governed one, if it speaks HTTP/1.

    mitmproxy makes it at the end of a stack of its own, and offers no factory.
    """
    stack = connections.get(connection)
    found = stack.context.layers[-1] if stack is not None else None
    if type(found) is Http1Client:
        found.__class__ = GovernedHttp1Client
        # Bound before it had another class.
        found.state = found.read_headers
