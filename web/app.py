"""The web application: which page answers which path.

Owns: the routes and their JSON and HTML. Every request opens its own read-only connection.
Refuses to know: mitmproxy, how requests reach it, who may (aex_addon/mount.py decides that).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from prometheus_client.exposition import choose_encoder

from ledger.balance import current
from ledger.errors import LedgerError
from ledger.money import show_usd
from ledger.read import Reader
from web.metrics import BooksCollector
from web.tally import Tally
from web.view import agent_rows, execution_rows

_SHOWN = 50

# No script, no foreign source: whatever a name holds, it is shown as text.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def create_app(
    open_reader: Callable[[], Reader],
    about: Callable[[], Mapping[str, Any]],
    now: Callable[[], int],
) -> Flask:
    """The application. `about` tells what the gateway knows of itself, `now` nanoseconds."""
    # A static folder would be sent from open files, which the bridge to mitmproxy never closes.
    app = Flask(__name__, static_folder=None)
    tally = Tally()
    collector = BooksCollector(open_reader, tally, now)
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
            ends = tally.ends(reader)
            with reader.snapshot():
                head, executions = reader.head(), reader.executions(limit=_SHOWN)
                agents = [current(agent, now()) for agent in reader.agents()]
        return render_template(
            "dashboard.html",
            about=about(),
            agents=agent_rows(agents, ends),
            executions=execution_rows(executions),
            head=head,
            # What an agent spends is in its teams' sums, too, and what a run spends in its agent's.
            spent=show_usd(sum(one.spent_nanousd for one in agents if one.kind == "agent")),
        )

    @app.get("/metrics")
    def metrics() -> Response:
        """The books in Prometheus' text format, or OpenMetrics where the scraper prefers it."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(collector), content_type=content_type)

    @app.get("/static/aex.css")
    def stylesheet() -> Response:
        return Response(style, mimetype="text/css")

    _explain_errors(app)
    return app


def _explain_errors(app: Flask) -> None:
    @app.errorhandler(LedgerError)
    def unreadable(error: LedgerError) -> tuple[Response, int]:
        error_object = {"message": f"The ledger cannot be read: {error}", "type": "server_error"}
        return jsonify({"error": {**error_object, "param": None, "code": "ledger_unreadable"}}), 503

    @app.errorhandler(404)
    def unknown(_error: Exception) -> tuple[Response, int]:
        message = (
            "AEX has no such page. Pages: /dashboard, /metrics and /health. For provider calls "
            "use this address as a proxy, or /v1 as the base URL."
        )
        error = {"message": message, "type": "invalid_request_error", "param": None}
        return jsonify({"error": {**error, "code": "no_such_page"}}), 404
