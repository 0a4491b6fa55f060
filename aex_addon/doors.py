"""Doors: where a request came in, and what it is for. After this file doors do not exist.

Owns: telling the two doors, the web and foreign traffic apart; the tunnels of CONNECT; refusing
what is addressed askew (SNI, CONNECT target and Host must agree; AEX's own pages are not to be
reached through the proxy door).
Refuses to know: who pays, what it costs.

    CONNECT api.openai.com:443, then requests inside     proxy door
    GET http://api.openai.com/...  (absolute form)       proxy door
    POST /v1/...  to AEX's own address                   base-URL door
    GET /health, /dashboard ...  to AEX's own address    the web
    any of these on a connection that was captured       capture door, for governed hosts alone
    anything for a host that no provider lists           foreign: passed on untouched
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from mitmproxy import ctx, http
from mitmproxy.connection import Client
from mitmproxy.net.http import url
from mitmproxy.proxy import layer

from aex_addon import egress_words as words
from aex_addon import foreign
from aex_addon.destinations import Destinations
from aex_addon.egress import Egress
from aex_addon.first_words import hosts_named
from aex_addon.guard import fail_closed
from aex_addon.http_layer import adopt, came_in_absolute_form
from aex_addon.http_stream import Remarks, Shape
from aex_addon.identity import challenge, must_be_asked
from aex_addon.payers import is_captured
from aex_addon.routes import Route, Routes
from aex_addon.tunnel_layer import TunnelLayer
from providers.paths import canonical

logger = logging.getLogger("aex")

Door = Literal["proxy", "base-url", "capture", "own", "web", "foreign", "misdirected"]

# What AEX itself answers below the base URL, with an agent's token.
OWN_API = "/v1/aex/"
OWN_PATHS = frozenset(("/v1/tools/execute", "/openai/v1/tools/execute"))

DOOR = "aex.door"
PROVIDER = "aex.provider"
PATH = "aex.path"
HOST = "aex.host"
FORMATS = "aex.formats"
CANONICAL = "aex.canonical"
TROUBLE = "aex.trouble"

_TO_ITSELF = "AEX's own address is not served through the proxy"
_LOCAL_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a request belongs. `path` is the provider's own path with the query, or the page's.

    host: which of the provider's hosts was asked; empty for its default one.
    """

    door: Door
    provider: str = ""
    path: str = ""
    trouble: str = ""
    host: str = ""


def arrival_inside(routes: Routes, tunnel: str, host: str, sni: str | None, path: str) -> Arrival:
    """A request inside a CONNECT tunnel to `tunnel`, which names a provider's host."""
    route = routes.by_host(tunnel)
    if route is None:
        # It was governed when the tunnel was opened; since then the table is another one.
        return Arrival("misdirected", trouble=f"{tunnel} is not governed any more; connect anew")
    for name, said in (("Host", host), ("SNI", sni or tunnel)):
        if said.lower().rstrip(".") != tunnel:
            trouble = f"{name} says {said!r}, but the connection is to {tunnel!r}"
            return Arrival("misdirected", route.id, path, trouble)
    return Arrival("proxy", route.id, path, host=tunnel)


def arrival_by_url(
    routes: Routes, host: str, host_header: str | None, path: str, own: bool
) -> Arrival:
    """A request with a whole URL, as sent to a proxy without a tunnel."""
    if own:
        return Arrival("misdirected", trouble=_TO_ITSELF)
    route = routes.by_host(host)
    if route is None:
        return Arrival("foreign")
    said = url.parse_authority(host_header, check=False)[0] if host_header else host
    if said.lower() != host.lower():
        trouble = f"Host says {said!r}, but the URL is for {host!r}"
        return Arrival("misdirected", route.id, path, trouble)
    return Arrival("proxy", route.id, path, host=host)


def arrival_at_home(routes: Routes, host: str, path: str) -> Arrival:
    """A request to AEX's own address: a provider's base URL, or a page."""
    if routes.by_host(host) is not None:
        trouble = f"{host} was sent to AEX as if AEX were it; use it as a proxy or a base URL"
        return Arrival("misdirected", trouble=trouble)
    bare = path.partition("?")[0]
    if bare.startswith(OWN_API) or bare in OWN_PATHS:
        return Arrival("own", path=path)
    found = routes.by_base_url(path)
    if found is None:
        return Arrival("web", path=path)
    provider, theirs = found
    route = routes.by_id(provider)
    if route is None:
        trouble = f"{provider} has no address; name it as upstream of [providers.{provider}]"
        return Arrival("misdirected", provider, theirs, trouble)
    return Arrival("base-url", provider, theirs, host=_host_of(routes, route, theirs))


def _host_of(routes: Routes, route: Route, path: str) -> str:
    """Which of the provider's governed hosts the path names; empty where it names none."""
    named = route.provider.host_of(path) if route.provider.host_of else ""
    found = routes.by_host(named) if named else None
    return named if found is not None and found.id == route.id else ""


def _canonical(route: Route, path: str) -> str:
    bare = path.partition("?")[0]
    theirs, _ = canonical(route.provider.nests, bare)
    return bare if theirs is None else theirs


class Doors:
    """The addon: marks each flow with its door before any other part sees it."""

    def __init__(
        self,
        routes: Callable[[], Routes],
        destinations: Destinations,
        shape: Shape,
        egress: Egress,
    ) -> None:
        self._routes = routes
        self.destinations = destinations
        self.egress = egress
        self.remarks = Remarks(shape, self._passes)
        self._tunnels: dict[str, str] = {}

    @property
    def routes(self) -> Routes:
        """The provider table in force."""
        return self._routes()

    def client_disconnected(self, client: Client) -> None:
        """Forgets the connection's tunnel."""
        self._tunnels.pop(client.id, None)

    @fail_closed(foreign.fault)
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Notes where the tunnel of this connection goes, and asks whether it may go there."""
        if self._is_own(flow.request.host, flow.request.port):
            flow.response = words.answer(words.own(), "CONNECT")
            return
        host = foreign.named(flow.request.host)
        self.lead(flow.client_conn, host)
        if self.routes.by_host(host) is not None:
            flow.response = challenge() if must_be_asked(flow.request) else None
            return
        way = await self.egress.of(flow)
        if way.denial is not None:
            flow.response = words.answer(way.denial, "CONNECT")
        elif flow.client_conn.timestamp_end is None:
            for address in way.addresses:
                self.destinations.allow(flow.client_conn.id, address, way.port)

    def lead(self, client: Client, host: str) -> None:
        """From now on what this connection asks is asked of that host."""
        self._tunnels[client.id] = host

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        """There is no tunnel after all; the connection goes on without one."""
        self._tunnels.pop(flow.client_conn.id, None)

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Tunnels to unlisted hosts carry bytes; all other layers are mitmproxy's choice."""
        tunnel = self._tunnels.get(next_layer.context.client.id)
        if tunnel is not None and self._is_foreign(tunnel):
            # mitmproxy's own addon may have been asked before, and have chosen to open TLS.
            client = next_layer.context.client
            way = self.egress.way(client)
            goals = [(each, way.port) for each in way.addresses] if way else []
            next_layer.layer = TunnelLayer(next_layer.context, goals, partial(self._strays, client))
        else:
            own = ctx.master.addons.get("nextlayer")
            if next_layer.layer is None and own is not None:
                # Among the addons of mitmdump it is asked after a script; it must have chosen.
                own.next_layer(next_layer)
            adopt(next_layer.layer, self.remarks)

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Marks the flow. Plain values only: mitmproxy copies the metadata."""
        found = self._arrival(flow)
        flow.metadata[DOOR] = found.door
        flow.metadata[PROVIDER] = found.provider
        flow.metadata[PATH] = found.path
        flow.metadata[HOST] = found.host
        route = self.routes.of(found.provider, found.host)
        if route is not None:
            flow.metadata[FORMATS] = list(route.provider.formats)
            flow.metadata[CANONICAL] = _canonical(route, found.path)
        flow.metadata[TROUBLE] = found.trouble
        return self._foreign(flow) if found.door == "foreign" else None

    async def _foreign(self, flow: http.HTTPFlow) -> None:
        way = await self.egress.of(flow)
        # mitmproxy would send the proxy's credential on to whoever is asked.
        flow.request.headers.pop("proxy-authorization", None)
        if not self._is_foreign(way.host):
            trouble = f"{way.host} is spelled in a way that no provider's host is"
            flow.metadata[DOOR], flow.metadata[TROUBLE] = "misdirected", trouble
        elif way.denial is None:
            if flow.client_conn.timestamp_end is None:
                self.destinations.allow(flow.client_conn.id, way.addresses[0], way.port)
            if flow.request.scheme == "https":
                # TLS to it, which AEX begins, names the host and is held to that name.
                self.egress.pin(flow.client_conn, way)
            foreign.lead(flow.request, way.host, way.addresses[0])
        elif way.denial.code == words.OWN:
            flow.metadata[DOOR], flow.metadata[TROUBLE] = "misdirected", _TO_ITSELF
        else:
            flow.response = words.answer(way.denial, flow.request.method)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Foreign answers pass as they come."""
        if flow.metadata.get(DOOR) == "foreign" and flow.response is not None:
            flow.response.stream = True

    def _arrival(self, flow: http.HTTPFlow) -> Arrival:
        request = flow.request
        if self.destinations.leads_here(flow.client_conn):
            return Arrival("misdirected", trouble=_TO_ITSELF)
        tunnel = self._tunnels.get(flow.client_conn.id)
        if tunnel is not None:
            host = request.host_header or tunnel
            if host != tunnel:
                host = url.parse_authority(host, check=False)[0]
            sni = flow.client_conn.sni
            found = arrival_inside(self.routes, tunnel, host, sni, request.path)
            if found.door == "proxy" and is_captured(flow.client_conn):
                return replace(found, door="capture")
            return found
        if came_in_absolute_form(request):
            own = self._is_own(request.host, request.port)
            return arrival_by_url(self.routes, request.host, request.host_header, request.path, own)
        if self.egress.is_tool(flow.client_conn):
            return Arrival("misdirected", trouble=_TO_ITSELF)
        return arrival_at_home(self.routes, request.host, request.path)

    def _passes(self, flow: http.HTTPFlow) -> bool:
        return self._arrival(flow).door == "foreign"

    def _is_foreign(self, host: str) -> bool:
        return self.routes.by_host(host) is None

    def _strays(self, client: Client, said: bytes) -> bool:
        """Whether the first bytes of a tunnel mean a governed host, or one that is denied."""
        named = hosts_named(said)
        if not all(self._is_foreign(host) for host in named):
            logger.warning("a tunnel to another host was to lead to a governed one; closed")
            self.egress.strays(client, "egress_governed")
            return True
        if not self.egress.denies(client, named):
            return False
        self.egress.strays(client, "egress_denied")
        return True

    def _is_own(self, host: str, port: int) -> bool:
        addresses = ctx.master.addons.get("proxyserver").listen_addrs()
        ports = {address[1] for address in addresses}
        hosts = _LOCAL_NAMES | {address[0] for address in addresses}
        return port in ports and host.lower().strip("[]").rstrip(".") in hosts
