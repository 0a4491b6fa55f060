"""Destinations: nothing is dialled that admission or a tunnel did not choose.

Owns: the set of addresses that each client connection may lead to, and the hook that refuses
every other one, whatever the reason for the dial; and which connections are AEX's own calls.
Refuses to know: why an address was chosen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

Address = tuple[str, int]

_NOT_CHOSEN = "AEX did not choose this destination; the call was not admitted"


def endpoint(name: tuple[Any, ...]) -> Address:
    """Host and port of a socket's end, an IPv4 address in one form however the socket has it."""
    return str(name[0]).removeprefix("::ffff:"), int(name[1])


class Destinations:
    """The addon; other parts call `allow` when they have decided."""

    def __init__(self) -> None:
        self._allowed: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        # By our end of each connection: where it leads. One port may serve several at once.
        self._outgoing: defaultdict[Address, Counter[Address]] = defaultdict(Counter)

    def leads_here(self, client: Client, redirected: bool = False) -> bool:
        """True for a connection that AEX itself has opened, whatever name led it back to AEX.

        Its two ends are those of one that AEX has open; where the system redirected it, the far
        one was changed on the way, and ours must do.
        """
        ours = self._outgoing.get(endpoint(client.peername))
        return ours is not None and (redirected or endpoint(client.sockname) in ours)

    def allow(self, client_id: str, host: str, port: int) -> None:
        """This client's requests may from now on be sent there."""
        self._allowed[client_id].add((host, port))

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuses an address that nobody chose."""
        address = data.server.address
        chosen = self._allowed.get(data.client.id)
        if address is None or not chosen or (address[0], address[1]) not in chosen:
            data.server.error = data.server.error or _NOT_CHOSEN

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """Keeps both ends of the connection; a listener sees them the other way round."""
        if data.server.sockname and data.server.peername:
            ours, theirs = endpoint(data.server.sockname), endpoint(data.server.peername)
            self._outgoing[ours][theirs] += 1

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """Forgets it."""
        if not data.server.sockname or not data.server.peername:
            return
        ours, theirs = endpoint(data.server.sockname), endpoint(data.server.peername)
        found = self._outgoing.get(ours, Counter())
        found[theirs] -= 1
        if not +found:
            self._outgoing.pop(ours, None)
        elif not found[theirs]:
            del found[theirs]

    def client_disconnected(self, client: Client) -> None:
        """Forgets the connection."""
        self._allowed.pop(client.id, None)
