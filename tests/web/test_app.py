"""AEX's pages: what they say, when they say that it cannot be said, and that names stay text."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from ledger.activity import ActivityReader
from ledger.errors import LedgerUnavailable
from ledger.store import Store
from tests.ledger.making import admit, commit
from tests.web.conftest import Site


def gone() -> ActivityReader:
    raise LedgerUnavailable("the ledger file is gone")


@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", ""),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text", "# EOF\n"),
    ],
)
def test_metrics(
    client: FlaskClient, store: Store, accept: str, content_type: str, end: str
) -> None:
    """Scrapers get the books in the format that they ask for."""
    store.execute([admit("e1", "bot"), commit("e1", 140)])
    answer = client.get("/metrics", headers={"accept": accept} if accept else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert 'aex_overruns_total{agent="bot"} 1.0\n' in answer.text
    assert answer.text.endswith(end)


def test_metrics_without_a_ledger(site: Site) -> None:
    """The scrape fails with a status and a sentence, so that the target counts as down."""
    answer = site.client(open_reader=gone).get("/metrics")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "ledger_unreadable")


def test_a_dashboard_without_a_ledger(site: Site) -> None:
    """It is a 503 with a sentence, not a fault."""
    answer = site.client(open_reader=gone).get("/dashboard")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "ledger_unreadable")


def test_no_such_page(client: FlaskClient) -> None:
    """An unknown path is a 404 in the shape that SDKs read, with the right addresses."""
    answer = client.get("/v2/chat/completions")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "no_such_page")
    assert "/v1" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/health", "/dashboard", "/metrics", "/nothing", "/static/aex.css"]
)
def test_every_answer_is_hardened(client: FlaskClient, path: str) -> None:
    """No page may run scripts, load anything foreign, be framed, sniffed or cached."""
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/activity", "/dashboard/agents/bot"])
def test_pages_obey_their_own_policy(client: FlaskClient, path: str) -> None:
    """They hold no style of their own, no handler, no script inside and nothing from elsewhere."""
    page = client.get(path).text
    for forbidden in ("<style", "style=", "onclick", "https://", 'src="http'):
        assert forbidden not in page
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) in ([], [""])
    for name in ("aex.css", "aex.js"):
        assert client.get(f"/static/{name}").status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/health", "/dashboard", "/metrics"])
def test_pages_are_only_read(client: FlaskClient, path: str, method: str) -> None:
    """Nothing can be written through them."""
    assert getattr(client, method)(path).status_code == 405
