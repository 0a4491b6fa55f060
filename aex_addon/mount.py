"""Hangs AEX's own pages on the listener that the doors share.

Owns: which requests reach the web application, and under which names it may be called.
Refuses to know: what the pages show (web/).

A page is served only under a name of this listener and to this machine: a foreign name that
resolves to it (DNS rebinding) gets nothing but /health, which tells no secret, and /metrics where
that takes a token, which no rebound page has. Pages are made in threads of their
own, a few at once: /health answers while a page is read from a long log.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any, Literal

from asgiref.sync import ThreadSensitiveContext
from asgiref.wsgi import WsgiToAsgi
from mitmproxy import ctx, http
from mitmproxy.addons.asgiapp import serve

from aex_addon.denials import misdirected
from aex_addon.doors import DOOR
from aex_addon.guard import fail_closed
from aex_addon.refusals import refuse

_PUBLIC = frozenset(("/health", "/health/live"))
_AT_ONCE = 4
_LOCAL_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))


def may_see(
    path: str, host: str, own_hosts: frozenset[str], client: str, public: frozenset[str] = _PUBLIC
) -> bool:
    """Whether a page is shown to a client at address `client` that asked under `host`."""
    if path.partition("?")[0] in public:
        return True
    return host.strip("[]").lower() in own_hosts and ipaddress.ip_address(client).is_loopback


def _fault(_flow: http.HTTPFlow) -> http.Response:
    return http.Response.make(500, b"AEX could not make this page; its log says why.\n")


class Mount:
    """The addon."""

    def __init__(
        self, wsgi_app: Callable[..., Any], metrics: Literal["loopback", "token"] = "loopback"
    ) -> None:
        self._app = WsgiToAsgi(wsgi_app)
        self._public = _PUBLIC | ({"/metrics"} if metrics == "token" else frozenset())
        self._room = asyncio.Semaphore(_AT_ONCE)

    @fail_closed(_fault)
    async def request(self, flow: http.HTTPFlow) -> None:
        """Serves the flows whose door is the web; queries run in a thread, off the event loop."""
        if flow.metadata.get(DOOR) != "web" or flow.response or not flow.live:
            return
        addresses = ctx.master.addons.get("proxyserver").listen_addrs()
        own = _LOCAL_NAMES | {str(address[0]) for address in addresses}
        peer = flow.client_conn.peername
        if not may_see(flow.request.path, flow.request.host, own, peer[0], self._public):
            flow.response = refuse(flow, misdirected("pages are shown on this machine only"))
            return
        # Without a context of its own a request would wait for the one thread of all others.
        async with self._room, ThreadSensitiveContext():
            await serve(self._app, flow)
