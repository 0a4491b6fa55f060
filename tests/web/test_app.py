"""AEX's pages: what they say, when they say that it cannot be said, and that names stay text."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ledger.activity import ActivityReader
from ledger.admin_commands import CreditAgent
from ledger.commands import Refusal
from ledger.errors import LedgerUnavailable
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, open_at, run, team
from tests.web.conftest import Site

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;b&gt;",
    "</td></tr></table><h1>",
    "javascript:alert(1)//",
    "\u202eevil\u2028",
    "é&amp;<",
)


def gone() -> ActivityReader:
    raise LedgerUnavailable("the ledger file is gone")


def denied(store: Store, model: str) -> None:
    refusal = Refusal(403, "model_unpriced", f"no price for {model}")
    store.one(admit(f"ex_{model}", "bot", model=model, endpoint=model, refusal=refusal))


def test_the_dashboard(client: FlaskClient, store: Store) -> None:
    """Agents with their budgets, and the newest executions with their ends, are listed."""
    before = client.get("/dashboard").text
    assert "bot" in before
    assert "$1.00" in before
    assert "No call has come yet" in before
    denied(store, "gpt-x")
    after = client.get("/dashboard").text
    assert "DENIED" in after
    assert "no price for gpt-x" in after


def test_an_overrun_is_marked(client: FlaskClient, store: Store) -> None:
    """The call, its agent and the remedy are shown; a top-up takes the remedy away, no mark."""
    remedy = "aex agent top-up bot USD"
    assert "over" not in client.get("/dashboard").text.partition("<main>")[2]
    store.execute([admit("e1", "bot"), commit("e1", 15 * 10**8)])
    page = client.get("/dashboard").text
    assert "<strong>$0.50 over its budget</strong>" in page
    assert "Stopped by <code>e1</code>" in page
    assert f"<code>{remedy}</code>" in page
    assert "Billed $1.4999999 by 1 call above what was reserved." in page
    assert "<strong>$1.4999999 above its reserve</strong>" in page
    store.one(CreditAgent("bot", 10**9, "", "operator"))
    page = client.get("/dashboard").text
    assert remedy not in page
    assert "over its budget" not in page
    assert "Stopped by" not in page
    assert "Billed $1.4999999 by 1 call above what was reserved." in page
    assert "<strong>$1.4999999 above its reserve</strong>" in page


def test_what_was_spent_is_counted_once(client: FlaskClient, store: Store) -> None:
    """The sum at the top is of the agents; teams hold and runs are held in theirs."""
    store.execute([team("lab"), create("zoe", parent="lab"), run("zoe", "r", 1_000)])
    store.execute([admit("e1", "zoe/r"), commit("e1", 70), admit("e2", "bot"), commit("e2", 7)])
    assert "$0.000000077 spent" in client.get("/dashboard").text


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


def test_an_empty_dashboard(site: Site, tmp_path: Path) -> None:
    """Without agents it says how to make one."""
    (tmp_path / "new").mkdir()
    open_at(tmp_path / "new").close()
    page = (
        site.client(open_reader=lambda: ActivityReader(URL, tmp_path / "new"))
        .get("/dashboard")
        .text
    )
    assert "aex agent create" in page


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text(client: FlaskClient, store: Store, name: str) -> None:
    """Whatever a client wrote into a name is shown as it is and is no markup."""
    clean = client.get("/dashboard").text
    denied(store, name)
    page = client.get("/dashboard").text
    assert name in html.unescape(page)
    for mark in ("<script", "<img", "<h1>", "onerror=alert(1)>", "<b>"):
        assert page.count(mark) == clean.count(mark), mark
    assert "' onmouseover='" not in page


def test_the_escape_corpus_bites(client: FlaskClient, store: Store) -> None:
    """Without escaping the corpus would be markup: the check is one that can fail."""
    denied(store, NAMES[0])
    page = client.get("/dashboard").text
    assert "<script" not in page
    assert "<script" in html.unescape(page)


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


def test_the_page_obeys_its_own_policy(client: FlaskClient) -> None:
    """It holds no script, no style of its own, no handler and nothing from elsewhere."""
    page = client.get("/dashboard").text
    for forbidden in ("<script", "<style", "style=", "onclick", "http://", "https://"):
        assert forbidden not in page
    with client.get("/static/aex.css") as style:
        assert style.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/health", "/dashboard", "/metrics"])
def test_pages_are_only_read(client: FlaskClient, path: str, method: str) -> None:
    """Nothing can be written through them."""
    assert getattr(client, method)(path).status_code == 405
