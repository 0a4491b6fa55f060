"""Connections that are to be closed are closed, in every race.

Owns: one case that mitmproxy misses. A connection that it closes while data of that connection is
still on its way to the layers is cancelled where it does not look for that: its transport stays
open, unread, until a collector finds it. The provider would be kept waiting with an answer that
nobody reads, instead of stopping to generate it.
Refuses to know: why a connection is closed.
"""

from __future__ import annotations

from mitmproxy import ctx
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


class Hangups:
    """The addon. Both hooks run after mitmproxy's own closing, so that normally nothing is left."""

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """A connection to a provider is over."""
        _hang_up(data.client, data.server)

    def client_disconnected(self, client: Client) -> None:
        """A connection of a client is over."""
        _hang_up(client, client)


def _hang_up(client: Client, connection: Connection) -> None:
    handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
    left = handler.transports.pop(connection, None) if handler is not None else None
    if left is not None and left.writer is not None:
        left.writer.close()
