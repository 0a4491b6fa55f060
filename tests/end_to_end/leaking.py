"""`aex` with a fault that speaks: where a request asks for it, sending it raises with all of it.

Owns: the exception whose text holds the request as it would have left, the provider key included.
Refuses to know: what becomes of it.

    python -m tests.end_to_end.leaking up
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon import calls
from aex_addon.cli.main import main
from aex_addon.routes import Route

ASKED = "x-leak"

_send_upstream = calls.send_upstream


def _leak(flow: http.HTTPFlow, route: Route, body: bytes, socket: bool = False) -> None:
    asked = ASKED in flow.request.headers
    _send_upstream(flow, route, body, socket)
    if asked:
        raise ValueError(f"{flow.request.headers!r} {flow.request.path} {route.credentials!r}")


if __name__ == "__main__":
    calls.send_upstream = _leak
    main()
