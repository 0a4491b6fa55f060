"""The web application: which page answers which path.

Owns: the routes and their JSON and HTML. Every request opens its own read-only connection.
Refuses to know: mitmproxy, how requests reach it, who may (aex_addon/mount.py decides that).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, render_template

from ledger.errors import LedgerError
from ledger.money import show_usd
from ledger.read import Reader
from web.view import agent_rows, execution_rows

_SHOWN = 50

# No script, no foreign source: whatever a name holds, it is shown as text.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def create_app(open_reader: Callable[[], Reader], about: Callable[[], Mapping[str, Any]]) -> Flask:
    """The application. `about` tells what the gateway knows of itself."""
    # A static folder would be sent from open files, which the bridge to mitmproxy never closes.
    app = Flask(__name__, static_folder=None)
    style = (Path(__file__).parent / "static" / "aex.css").read_bytes()

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/health")
    def health() -> tuple[Response, int]:
        """200 while the gateway can serve: its ledger reads, and it is not stopping."""
        found = dict(about())
        try:
            with open_reader() as reader:
                found["ledger"] = {"ok": True, "events": reader.head().seq}
        except LedgerError as error:
            found["ledger"] = {"ok": False, "error": str(error)}
        ok = found["ledger"]["ok"] and not found.get("draining")
        return jsonify({"status": "ok" if ok else "unavailable", **found}), 200 if ok else 503

    @app.get("/dashboard")
    def dashboard() -> str:
        """Who spent what, and the newest calls."""
        with open_reader() as reader:
            agents, executions, head = (
                reader.agents(),
                reader.executions(limit=_SHOWN),
                reader.head(),
            )
        return render_template(
            "dashboard.html",
            about=about(),
            agents=agent_rows(agents),
            executions=execution_rows(executions),
            head=head,
            spent=show_usd(sum(agent.spent_nanousd for agent in agents)),
        )

    @app.get("/static/aex.css")
    def stylesheet() -> Response:
        return Response(style, mimetype="text/css")

    @app.errorhandler(LedgerError)
    def unreadable(error: LedgerError) -> tuple[Response, int]:
        error_object = {"message": f"The ledger cannot be read: {error}", "type": "server_error"}
        return jsonify({"error": {**error_object, "param": None, "code": "ledger_unreadable"}}), 503

    @app.errorhandler(404)
    def unknown(_error: Exception) -> tuple[Response, int]:
        message = (
            "AEX has no such page. Pages: /health and /dashboard. For provider calls use this "
            "address as a proxy, or /v1 as the base URL."
        )
        error = {"message": message, "type": "invalid_request_error", "param": None}
        return jsonify({"error": {**error, "code": "no_such_page"}}), 404

    return app
