"""Connections that are over are closed, and known to be, in every race.

Owns: one case that mitmproxy misses. A connection's task that is cancelled while an event of it
waits for its turn ends where it does not look for that. It happens when mitmproxy closes the
connection, and when the other side has reset it. The transport stays open, unread, until a
collector finds it, so that a provider would be kept waiting with an answer that nobody reads; and
nobody is told of the end, so that the agent would wait for the rest and its hold would stay.
Refuses to know: why a connection is closed.
"""

from __future__ import annotations

from mitmproxy import ctx
from mitmproxy.connection import Client, Connection, ConnectionState
from mitmproxy.proxy import events
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


class Hangups:
    """The addon. Both hooks run after mitmproxy's own closing, so that normally nothing is left."""

    async def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """A connection to a provider is over."""
        await _hang_up(data.client, data.server)

    async def client_disconnected(self, client: Client) -> None:
        """A connection of a client is over."""
        await _hang_up(client, client)


async def _hang_up(client: Client, connection: Connection) -> None:
    handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
    left = handler.transports.pop(connection, None) if handler is not None else None
    if left is None:
        return
    if left.writer is not None:
        left.writer.close()
    connection.state = ConnectionState.CLOSED
    await handler.server_event(events.ConnectionClosed(connection))
