"""Destinations: nothing is dialled that admission or a tunnel did not choose.

Owns: the set of addresses that each client connection may lead to, and the hook that refuses
every other one, whatever the reason for the dial; and which connections are AEX's own calls.
Refuses to know: why an address was chosen.
"""

from __future__ import annotations

from collections import defaultdict

from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


class Destinations:
    """The addon; other parts call `allow` when they have decided."""

    def __init__(self) -> None:
        self._allowed: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        self._outgoing: set[tuple[str, int]] = set()

    def leads_here(self, client: Client) -> bool:
        """True for a connection that AEX itself has opened, whatever name led it back to AEX."""
        return client.peername[:2] in self._outgoing

    def allow(self, client_id: str, host: str, port: int) -> None:
        """This client's requests may from now on be sent there."""
        self._allowed[client_id].add((host, port))

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuses an address that nobody chose."""
        address = data.server.address
        chosen = self._allowed.get(data.client.id)
        if address is None or not chosen or (address[0], address[1]) not in chosen:
            data.server.error = "AEX did not choose this destination; the call was not admitted"

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """Keeps our end of the connection; at the other end it is the client's address."""
        if data.server.sockname:
            self._outgoing.add(data.server.sockname[:2])

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """Forgets it."""
        if data.server.sockname:
            self._outgoing.discard(data.server.sockname[:2])

    def client_disconnected(self, client: Client) -> None:
        """Forgets the connection."""
        self._allowed.pop(client.id, None)
