"""What becomes of each captured connection: judged by its first words.

Owns: the judgement, and putting the layers in place that carry it out.
Refuses to know: how a connection is held meanwhile (captured.py), who pays (payers.py).

    names a governed host           its TLS is opened, its calls are those of a tunnel to that host
    names another one, or none      its bytes pass, where egress.py lets them
    was opened by AEX itself        closed: a firewall has led AEX's own call back to it
    QUIC (UDP, port 443)            dropped; its clients go on over TCP
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.proxy import layers
from mitmproxy.proxy.context import Context

from aex_addon.captured import CapturedLayer, Verdict
from aex_addon.doors import Doors
from aex_addon.first_words import hosts_named
from aex_addon.payers import Payers, is_captured
from aex_addon.routes import Routes

logger = logging.getLogger("aex")

_QUIC = 443

# Where mitmproxy's own name server stands inside a VPN of its making.
_NAME_SERVER = ("10.0.0.53", 53)


class Captures:
    """The addon."""

    def __init__(self, routes: Callable[[], Routes], doors: Doors, payers: Payers) -> None:
        self._routes = routes
        self._doors = doors
        self._payers = payers

    def running(self) -> None:
        """Whoever runs mitmdump chose its modes, which may be others than aex.toml names."""
        for mode in sorted(self._payers.modes - set(ctx.options.mode)):
            logger.warning(
                "aex.toml says who pays for %s; start mitmproxy with --mode %s", mode, mode
            )

    def client_connected(self, client: Client) -> None:
        """Puts a layer of AEX's own in the place of mitmproxy's first one."""
        if not is_captured(client):
            return
        handler = ctx.master.addons.get("proxyserver").connections[client.id]
        context: Context = handler.layer.context
        assert context.server.address is not None, "every mode that captures tells it"
        if context.server.address == _NAME_SERVER and client.proxy_mode.type_name == "wireguard":
            return
        if client.transport_protocol == "tcp":
            handler.layer = CapturedLayer(context, self.judge)
        elif context.server.address[1] == _QUIC:
            client.error = "AEX passes no QUIC on"
        else:
            self._doors.egress.captured(client, ())
            handler.layer = layers.UDPLayer(context, ignore=True)

    def judge(self, context: Context, said: bytes) -> Verdict:
        """What becomes of it. Raises Unfinished where the first words are not whole yet.

        said: what has come from the client; nothing yet, where the server may speak first.
        """
        if self._doors.destinations.leads_here(context.client, redirected=True):
            logger.error(
                "a call of AEX's own was led back to it; leave the user that AEX runs as out of "
                "what is redirected"
            )
            return "refused"
        assert context.server.address is not None
        named = hosts_named(said) if said else ()
        governed = [host for host in named if self._routes().by_host(host)]
        if governed:
            self._doors.lead(context.client, governed[0])
            if context.server.timestamp_start is None:
                # The address that the client chose counts for nothing any more.
                context.server.address = (governed[0], context.server.address[1])
            return "governed"
        egress = self._doors.egress
        if context.server.timestamp_start is not None:
            # It stands already: only now is it told whom it means.
            return "refused" if egress.denies(context.client, named) else "foreign"
        egress.captured(context.client, named)
        return "foreign"
