"""What mitmproxy does at every step for whoever develops it, left out in a gateway of our own.

Owns: two seams. (1) Each request and answer is checked, field by field, to be of the types that
its class declares; Python's -O leaves that out, but also AEX's own assertions, so it is done here.
(2) A hook stops the clock that closes idle connections, by a context manager made anew each time,
and looks its arguments up by reflection.
Refuses to know: what a hook does. In the user's own mitmdump everything stays as it is, and so does
what a mitmproxy that is installed later does otherwise: each seam is known by the text of its code.
"""

from __future__ import annotations

import inspect
import logging
from hashlib import sha256
from typing import Any

from mitmproxy import ctx, flow, http
from mitmproxy.connection import Client
from mitmproxy.proxy import commands
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import TimeoutWatchdog

logger = logging.getLogger("aex")

# SHA-256 of what is left out, as it stands in 12.2.2 and 12.2.3.
_HOOK = "9f8b52fd798203c9d2401c3e5d8c7f9976c490ac124b17cd55d8afce73b66acf"
_WATCHDOG = "95c9f187c70d4d09f32e4be25c8dfe5601e029b4dcaf3b86283166d395e2ff93"
_TYPES = "f65088e210cd9cc1dc277086ee4c7f5701d433b02e6f1d81a2ac22f94c484414"


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
        hook, watchdog = ProxyConnectionHandler.handle_hook, TimeoutWatchdog
        self._hooks = _is(hook, _HOOK) and _is(watchdog, _WATCHDOG)
        check = getattr(http.MessageData, "__post_init__", _unchecked)
        types = check is _unchecked or _is(check, _TYPES)
        if types:
            http.MessageData.__post_init__ = _unchecked  # type: ignore[method-assign]
        if not (self._hooks and types):
            logger.info("this mitmproxy does otherwise what AEX leaves out, so it does that")

    def client_connected(self, client: Client) -> None:
        """mitmproxy makes the handler itself, and offers no factory; see `adopt` in http_layer."""
        if not self._hooks:
            return
        handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
        if type(handler) is ProxyConnectionHandler:
            handler.__class__ = LeanHandler


def _is(code: Any, known: str) -> bool:
    """Whether this is the code whose text has that hash; not where its text cannot be had."""
    try:
        return sha256(inspect.getsource(code).encode()).hexdigest() == known
    except (OSError, TypeError):
        return False


def _unchecked(_message: http.MessageData) -> None:
    return
