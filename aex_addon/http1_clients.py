"""mitmproxy's HTTP/1.1 server towards clients: an end to what never ends.

Owns: heads of requests that are too large, which are answered 431; bodies as `http1_body.py` has
them.
Refuses to know: what a request asks for. https://www.rfc-editor.org/rfc/rfc6585#section-5
"""

from __future__ import annotations

import logging

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http._http1 import Http1Server, make_error_response

from aex_addon.http1_body import plain

logger = logging.getLogger("aex")

HEAD_BYTES_MAX = 256 * 1024
TOO_LARGE = f"The head of the request is larger than {HEAD_BYTES_MAX // 1024} KiB."


class GovernedHttp1Server(Http1Server):
    """One connection of a client."""

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """The head of a request, if it ends."""
        if len(self.buf) <= HEAD_BYTES_MAX:
            return super().read_headers(event)
        return self._read_headers(event)

    def _read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        yield from super().read_headers(event)
        too_large = self.state == self.read_headers and len(self.buf) > HEAD_BYTES_MAX
        if too_large and isinstance(event, events.DataReceived):
            logger.warning("a client's connection is closed: %s", TOO_LARGE)
            # What still comes in until then is not even looked at.
            self.state = self.done
            yield commands.SendData(self.conn, make_error_response(431, TOO_LARGE))
            yield commands.CloseConnection(self.conn)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """The body, without what may follow it."""
        self.body_reader = plain(self.body_reader)
        return super().read_body(event)
