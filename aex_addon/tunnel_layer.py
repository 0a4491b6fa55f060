"""A tunnel to a host that is not governed: its bytes, to the first address that answers.

Owns: trying one address after the other; and that a tunnel which was asked for under another name
does not lead to a governed host, or a denied one: its first bytes are held until they say whom they
mean. Refuses to know: which addresses are good, which hosts are governed or denied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.context import Context

from aex_addon.first_words import LONGEST, Unfinished

# Whether the first bytes of a client mean a host that the tunnel must not lead to; Unfinished is
# raised where more are needed.
Strays = Callable[[bytes], bool]


class TunnelLayer(layers.TCPLayer):
    """mitmproxy's relay with both."""

    def __init__(
        self, context: Context, addresses: Sequence[tuple[str, int]], strays: Strays
    ) -> None:
        super().__init__(context, ignore=True)
        self._addresses = tuple(addresses)
        self._strays = strays
        self._held: bytes | None = b""

    def start(self, _event: events.Event) -> layer.CommandGenerator[None]:
        """Dials. What comes meanwhile waits, as ever in mitmproxy's layers."""
        for address in self._addresses:
            # One that could not be opened is not opened again.
            self.context.server = Server(address=address)
            error = yield commands.OpenConnection(self.context.server)
            if not error:
                self._handle_event = self.relay_messages  # type: ignore[method-assign,assignment]
                return
        self._handle_event = self.done  # type: ignore[method-assign]
        yield commands.CloseConnection(self.context.client)

    _handle_event = start

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Passes bytes on, the client's first ones once they are understood."""
        held = self._held
        of_client = getattr(event, "connection", None) is self.context.client
        if held is None or not of_client:
            yield from super().relay_messages(event)
        elif isinstance(event, events.DataReceived):
            self._held = held + event.data
            yield from self._decide()
        else:
            self._held = None
            if held:
                yield from super().relay_messages(events.DataReceived(self.context.client, held))
            yield from super().relay_messages(event)

    def _decide(self) -> layer.CommandGenerator[None]:
        held = self._held or b""
        try:
            strays = self._strays(held)
        except Unfinished:
            if len(held) <= LONGEST:
                return
            strays = True
        self._held = None
        if not strays:
            yield from super().relay_messages(events.DataReceived(self.context.client, held))
            return
        self._handle_event = self.done  # type: ignore[method-assign]
        for connection in (self.context.server, self.context.client):
            if connection.state is not ConnectionState.CLOSED:
                yield commands.CloseConnection(connection)
