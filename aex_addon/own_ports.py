"""What of AEX's own must not be reached through it: its listener, and its ledger's database.

Owns: telling whether an address and port are one of these, by whatever name they were asked for.
Refuses to know: who asks.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from mitmproxy import ctx

from aex_addon.host_names import normal
from aex_addon.lookup import Unresolved
from ledger.egress_entries import Address, literal

_POSTGRES = 5432
_DISCARD = 9


def is_here(address: Address) -> bool:
    """True for an address of this machine: it is its own source. Nothing is sent to find out."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.connect((str(address), _DISCARD))
            return bool(tried.getsockname()[0] == str(address))
    except OSError:
        return False


class OwnPorts:
    """`ledger`: its address, as aex.toml has it."""

    def __init__(self, ledger: str, look_up: Callable[[str], Awaitable[list[Address]]]) -> None:
        self._look_up = look_up
        self._database: tuple[str, int] | None = None
        parts = urlsplit(ledger)
        if parts.scheme in ("postgresql", "postgres") and parts.hostname:
            with contextlib.suppress(ValueError):
                self._database = (normal(parts.hostname), parts.port or _POSTGRES)

    async def hold(self, address: Address, port: int) -> bool:
        """Whether AEX, or its ledger, listens there."""
        listening = ctx.master.addons.get("proxyserver").listen_addrs()
        if port in {each[1] for each in listening} and is_here(address):
            return True
        return self._database is not None and await self._is_database(address, port)

    async def _is_database(self, address: Address, port: int) -> bool:
        assert self._database is not None
        host, its_port = self._database
        if port != its_port:
            return False
        named = literal(host)
        try:
            found = [named] if named else await self._look_up(host)
        except Unresolved:
            # Where it is cannot be told, so that this port leads to it everywhere.
            return True
        return address in found or (is_here(address) and any(is_here(each) for each in found))
