"""Egress: may this connection be made to a host beside the providers, and to which addresses?

Owns: the order of the questions (what host, who asks, the lists, one look-up, each address), and
which connections stand for which token while they are open.
Refuses to know: doors and layers (doors.py, tunnel_layer.py), what is said of a refusal
(egress_words.py).

A name is looked up once, after the lists have had their say about it, and what is dialled are the
addresses that were judged: nobody can answer otherwise when it comes to the connection. Of an
answer only those addresses are dialled that may be reached; where none is left, it is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mitmproxy import ctx, http
from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from aex_addon import clock, denials
from aex_addon import egress_words as words
from aex_addon.host_names import normal
from aex_addon.identity import Credential
from aex_addon.lookup import Lookup, Unresolved
from aex_addon.own_ports import OwnPorts, is_here
from aex_addon.parts import Parts
from aex_addon.public_addresses import is_metadata, is_public
from aex_addon.reached import Reached
from aex_addon.settings_egress import EgressSettings
from aex_addon.tokens import token_hash
from ledger.egress import Payer, decide
from ledger.egress_entries import Address, held, literal, parse
from ledger.errors import LedgerError
from ledger.outcomes import Denied
from ledger.state import Agent
from providers.wire import Denial

# A name, and who asks for it.
Resolve = Callable[[str, str], Awaitable[list[Address]]]

_DNS = 53
# AEX itself, among those who ask for names; no agent is called so.
_OWN = "*"
_TRIED_LAST_S = 30.0
_FAILED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Way:
    """Where a connection may be made, in the order of trying; or why it may not.

    token: the hash of who asks, "" where nobody is named.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    denial: Denial | None = None
    payer: Payer | None = None
    token: str = ""


def refused(
    settings: EgressSettings,
    levels: Sequence[Agent],
    host: str,
    port: int,
    address: Address | None,
    near: bool = False,
) -> Denied | Denial | None:
    """Why the host is not to be reached at that address; without one, what is sure already.

    near: the address is of this machine or network.
    """
    found = held(settings.allowed, settings.deny, host, port, address)
    if found:
        return words.listed(host, found)
    denied = decide(levels, host, port, address)
    if denied is not None or address is None or not near:
        return denied
    for entry in map(parse, settings.private):
        named_only = entry.network is None and is_metadata(address)
        if not named_only and entry.means(host, port, address):
            return None
    return words.private(host)


def _asks_for_names(client: Client, way: Way) -> bool:
    """A datagram to a name server, of somebody who may ask for anything."""
    of_a_place = way.denial is None or way.denial.code in words.OF_A_PLACE
    return of_a_place and client.transport_protocol == "udp" and way.port == _DNS


class Egress:
    """The addon. Other parts ask `of` and `judge`, and say what they have opened."""

    def __init__(self, parts: Parts, look_up: Resolve | None = None) -> None:
        self._parts = parts
        self._look_up = look_up or Lookup()
        self._own = OwnPorts(parts.settings.ledger, lambda name: self._look_up(name, _OWN))
        self._reached = Reached(parts.books, parts.observed, parts.gateway)
        self._captured: dict[str, tuple[str, ...]] = {}
        self._pins: dict[str, dict[tuple[str, int], str]] = {}
        self._failed: dict[str, float] = {}
        self._open: dict[str, Way] = {}

    async def of(self, flow: http.HTTPFlow) -> Way:
        """The way of a CONNECT, or of a request with a whole URL."""
        credential = self._parts.identity.of(flow, key_slot=False)
        way = await self.judge(credential, flow.request.host, flow.request.port)
        return self._noted(flow.client_conn, way)

    async def judge(
        self, credential: Credential | None, asked: str, port: int, also: Iterable[str] = ()
    ) -> Way:
        """The decision. also: further names that the client gives it, which may be denied."""
        token = token_hash(credential.token) if credential else ""
        payer = await self._payer(credential, token)
        if isinstance(payer, Denial):
            return Way(asked, port, (), payer, None, token)
        try:
            host = normal(asked)
        except ValueError as error:
            return Way(asked, port, (), words.unreadable(str(error)), payer, token)
        found = await self._addresses(payer, host, port, also)
        if isinstance(found, Denial):
            return Way(host, port, (), found, payer, token)
        return Way(host, port, tuple(map(str, found)), None, payer, token)

    async def _payer(self, credential: Credential | None, token: str) -> Payer | Denial | None:
        if credential is None:
            refuses = self._parts.settings.egress.anonymous == "refuse"
            return words.anonymous() if refuses else None
        try:
            found = await self._parts.books.call(lambda store: store.payer(token, credential.agent))
        except LedgerError as error:
            return denials.unavailable(str(error))
        return self._said(found) if isinstance(found, Denied) else found

    async def _addresses(
        self, payer: Payer | None, host: str, port: int, also: Iterable[str]
    ) -> list[Address] | Denial:
        settings, levels = self._parts.settings.egress, payer.levels if payer else ()

        def why(address: Address | None) -> Denial | None:
            for name in also:
                denied = refused(settings, levels, name, port, address)
                if denied is not None and denied.code == "egress_denied":
                    return self._said(denied)
            near = address is not None and (not is_public(address) or is_here(address))
            return self._said(refused(settings, levels, host, port, address, near))

        named, asker = literal(host), payer.agent if payer else ""
        denial = why(None)
        if denial is not None:
            return denial
        try:
            found = [named] if named else await self._look_up(host, asker)
        except Unresolved as error:
            return words.unresolved(host, error.late)
        good: list[Address] = []
        for address in found:
            own = words.own() if await self._own.hold(address, port) else None
            refusal = own or why(address)
            denial = denial or refusal
            if refusal is None:
                good.append(address)
        good.sort(key=self._has_failed)
        return good or denial or words.unresolved(host, late=False)

    def _has_failed(self, address: Address) -> bool:
        at = self._failed.get(str(address))
        return at is not None and clock.steady_s() - at < _TRIED_LAST_S

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """An address that could not be connected to is the last to be tried for a while."""
        if data.server.address is not None:
            if len(self._failed) >= _FAILED_MAX:
                self._failed.clear()
            self._failed[data.server.address[0]] = clock.steady_s()

    def _said[T: Denial | None](self, found: Denied | T) -> Denial | T:
        if isinstance(found, Denied):
            return denials.explain(found, self._parts.settings.denial_status)
        return found

    def _noted(self, client: Client, way: Way) -> Way:
        code = way.denial.code if way.denial else words.PASSED
        self._reached.note(way.payer, way.host, way.port, code)
        if way.denial is None and client.timestamp_end is None:
            self._open[client.id] = way
        return way

    def is_tool(self, client: Client) -> bool:
        """Whether it comes out of a tool's sandbox, from which nothing leads to AEX itself."""
        return self._parts.identity.of_tool(client) is not None

    def way(self, client: Client) -> Way | None:
        """What was decided for this connection, if it was let through."""
        return self._open.get(client.id)

    def strays(self, client: Client, code: str) -> None:
        """Notes that a tunnel turned out to mean another host than it was asked for."""
        way = self._open.get(client.id)
        if way is not None:
            self._reached.note(way.payer, way.host, way.port, code)

    def denies(self, client: Client, named: tuple[str, ...]) -> bool:
        """Whether a connection that stands turns out to mean a host that is denied."""
        way, settings = self._open.get(client.id), self._parts.settings.egress
        levels = way.payer.levels if way and way.payer else ()
        port = way.port if way else 0
        found = (refused(settings, levels, name, port, None) for name in named)
        return any(each is not None and each.code == "egress_denied" for each in found)

    def captured(self, client: Client, named: tuple[str, ...]) -> None:
        """What this connection is to lead to is judged when it is dialled."""
        self._captured[client.id] = named

    def pin(self, client: Client, way: Way) -> None:
        """What this connection asks of the host by name is asked of its address."""
        if client.id in self._open:
            self._pins.setdefault(client.id, {})[way.host, way.port] = way.addresses[0]

    def server_connect(self, data: ServerConnectionHookData) -> Awaitable[None] | None:
        """Puts an address in the place of a name that was judged, or judges what was captured."""
        named = self._captured.pop(data.client.id, None)
        if named is not None:
            return self._led_on(data, named)
        pins, asked = self._pins.get(data.client.id), data.server.address
        if pins and asked and asked[:2] in pins:
            data.server.address = (pins[asked[:2]], asked[1])
        return None

    async def _led_on(self, data: ServerConnectionHookData, named: tuple[str, ...]) -> None:
        """A captured connection goes where the client chose, if that address may be reached; else
        to where the name leads that it gives, if that one may."""
        assert data.server.address is not None, "every mode that captures tells it"
        host, port = data.server.address[:2]
        client, server = data.client, data.server
        found = self._parts.identity.of_client(client)
        way = await self.judge(found, host, port, named)
        if way.denial is not None and named:
            way = await self.judge(found, named[0], port, named[1:])
        elif way.denial is not None and _asks_for_names(client, way):
            # Without names no list of hosts could be kept to.
            way = replace(way, addresses=(host,), denial=None)
        # Recorded as the client names it, which is more than an address says, if it is true.
        way = self._noted(client, replace(way, host=named[0]) if named else way)
        if way.denial is not None or client.timestamp_end is not None:
            server.error = way.denial.message if way.denial else "the client has left"
            return
        server.address = (way.addresses[0], port)
        self._parts.destinations.allow(client.id, way.addresses[0], port)

    @property
    def tokens(self) -> frozenset[str]:
        """The hashes of those whose connections are open."""
        return frozenset(way.token for way in self._open.values() if way.token)

    def cut(self, token: str) -> None:
        """Ends the connections of one of them."""
        handlers = ctx.master.addons.get("proxyserver").connections
        for client_id in [each for each, way in self._open.items() if way.token == token]:
            handler = handlers.get(client_id)
            transport = handler.transports.get(handler.client) if handler else None
            if transport is not None and transport.handler is not None:
                transport.handler.cancel("AEX ended it: its agent may not go on")

    def client_disconnected(self, client: Client) -> None:
        """Forgets the connection."""
        self._open.pop(client.id, None)
        self._captured.pop(client.id, None)
        self._pins.pop(client.id, None)
