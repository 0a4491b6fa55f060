"""What mitmproxy does at every step for whoever develops it, left out in a gateway of our own.

Owns: two seams. (1) Each request and answer is checked, field by field, to be of the types that
its class declares; Python's -O leaves that out, but also AEX's own assertions, so it is done here.
(2) A hook stops the clock that closes idle connections, by a context manager made anew each time,
and looks its arguments up by reflection.
Refuses to know: what a hook does. In the user's own mitmdump everything stays as it is.
"""

from __future__ import annotations

from mitmproxy import ctx, flow, http
from mitmproxy.connection import Client
from mitmproxy.proxy import commands
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler


class LeanHandler(ProxyConnectionHandler):
    """mitmproxy's handler of one client, with less around each hook."""

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Runs a hook; while one runs no time counts as idle."""
        watchdog = self.timeout_watchdog
        watchdog.can_timeout.clear()
        watchdog.blocker += 1
        try:
            await self.master.addons.handle_lifecycle(hook)
            found = getattr(hook, "flow", None)
            if isinstance(found, flow.Flow) and found.intercepted:
                await found.wait_for_resume()
        finally:
            watchdog.blocker -= 1
            if not watchdog.blocker:
                watchdog.register_activity()
                watchdog.can_timeout.set()


class Lean:
    """The addon: hears of each client first."""

    def __init__(self) -> None:
        http.MessageData.__post_init__ = _unchecked  # type: ignore[method-assign]

    def client_connected(self, client: Client) -> None:
        """mitmproxy makes the handler itself, and offers no factory; see `adopt` in http_layer."""
        handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
        if type(handler) is ProxyConnectionHandler:
            handler.__class__ = LeanHandler


def _unchecked(_message: http.MessageData) -> None:
    return
