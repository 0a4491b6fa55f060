"""The web application: which page answers which path.

Owns: joining the pages, the door-keeper before them and the words of errors.
Refuses to know: mitmproxy, how requests reach it, what each page says.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, request
from prometheus_client.exposition import choose_encoder

from web.api import api
from web.entry import guard
from web.forms import forms
from web.handed import Handed
from web.health import health
from web.live import live
from web.metrics import BooksCollector
from web.pages import Sums, pages
from web.plugins import plugins
from web.problems import explain, ticks
from web.spend import Spend
from web.tally import Tally

_BODY_MAX = 64 * 1024
_STATIC = {"aex.css": "text/css", "aex.js": "text/javascript"}


def create_app(handed: Handed) -> Flask:
    """The application."""
    # A static folder would be sent from open files, which the bridge to mitmproxy never closes.
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _BODY_MAX
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["ticks"] = ticks
    sums = Sums(Tally(), Spend())
    guard(app, handed)
    for part in (health(handed), api(handed), pages(handed, sums), live(handed, sums)):
        app.register_blueprint(part)
    app.register_blueprint(plugins(handed))
    app.register_blueprint(forms(handed))
    collector = BooksCollector(handed, sums.tally)

    @app.get("/metrics")
    def metrics() -> Response:
        """The books in Prometheus' text format, or OpenMetrics where the scraper prefers it."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(collector), content_type=content_type)

    for name, mimetype in _STATIC.items():
        _serve(app, name, mimetype)
    explain(app)
    return app


def _serve(app: Flask, name: str, mimetype: str) -> None:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    app.add_url_rule(
        f"/static/{name}", name, lambda: Response(content, mimetype=mimetype), methods=["GET"]
    )
