"""The web application: which page answers which path.

Owns: joining the pages, the door-keeper before them and the words of errors.
Refuses to know: mitmproxy, how requests reach it, what each page says.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, render_template, request
from prometheus_client.exposition import choose_encoder

from ledger.balance import current
from ledger.money import show_usd
from web.api import api
from web.entry import guard
from web.handed import Handed
from web.health import health
from web.metrics import BooksCollector
from web.problems import explain
from web.tally import Tally
from web.view import agent_rows, execution_rows

_SHOWN = 50
_BODY_MAX = 64 * 1024


def create_app(handed: Handed) -> Flask:
    """The application."""
    # A static folder would be sent from open files, which the bridge to mitmproxy never closes.
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _BODY_MAX
    tally = Tally()
    guard(app, handed)
    app.register_blueprint(health(handed))
    app.register_blueprint(api(handed))
    style = (Path(__file__).parent / "static" / "aex.css").read_bytes()
    collector = BooksCollector(handed.open_reader, tally, handed.now)

    @app.get("/dashboard")
    def dashboard() -> str:
        """Who spent what, and the newest calls."""
        with handed.open_reader() as reader:
            ends = tally.ends(reader)
            with reader.snapshot():
                head, executions = reader.head(), reader.executions(limit=_SHOWN)
                agents = [current(agent, handed.now()) for agent in reader.agents()]
        return render_template(
            "dashboard.html",
            about=handed.about(),
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

    explain(app)
    return app
