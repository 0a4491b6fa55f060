"""AEX's pages: what they say, when they say that it cannot be said, and that names stay text."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ledger.admin_commands import CreateAgent
from ledger.commands import Admit, Quote, Refusal
from ledger.errors import LedgerUnavailable
from ledger.opening import open_store
from ledger.read import Reader
from ledger.store import Store
from web.app import create_app

URL = "sqlite:///ledger.db"
ABOUT = {"version": "3", "gateway": "gw_1", "draining": False, "inflight": 2, "ledger_backlog": 0}
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


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(URL, tmp_path, ledger_id="a" * 32, version="1")
    opened.one(CreateAgent("bot", 10**9, 0, 0, "test", "hash", "tok"))
    return opened


@pytest.fixture
def client(store: Store, tmp_path: Path) -> FlaskClient:
    return create_app(lambda: Reader(URL, tmp_path), lambda: ABOUT).test_client()


def other(open_reader: Callable[[], Reader], **about: Any) -> FlaskClient:
    return create_app(open_reader, lambda: {**ABOUT, **about}).test_client()


def gone() -> Reader:
    raise LedgerUnavailable("the ledger file is gone")


def denied(store: Store, model: str) -> None:
    refusal = Refusal(403, "model_unpriced", f"no price for {model}")
    admit = Admit(
        *(f"ex_{model}", "hash", None, "gw", "proxy", "openai", model, model, False, "f"),
        *(Quote(), 0, False, refusal),
    )
    store.one(admit)


def test_health(client: FlaskClient) -> None:
    """A gateway that can serve says so, with what it knows of itself."""
    answer = client.get("/health")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    assert answer.json["ledger"]["ok"] is True
    assert answer.json["ledger"]["events"] > 0
    assert answer.json["gateway"] == "gw_1"


def test_health_without_a_ledger() -> None:
    """Where the ledger cannot be read, the answer is a 503 that says why."""
    answer = other(gone).get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["ledger"] == {"ok": False, "error": "the ledger file is gone"}


def test_health_while_stopping(store: Store, tmp_path: Path) -> None:
    """A gateway that takes no more calls says so by its status."""
    answer = other(lambda: Reader(URL, tmp_path), draining=True).get("/health")
    assert (answer.status_code, answer.json["ledger"]["ok"]) == (503, True)


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


def test_an_empty_dashboard(tmp_path: Path) -> None:
    """Without agents it says how to make one."""
    open_store(URL, tmp_path, ledger_id="a" * 32, version="1").close()
    page = other(lambda: Reader(URL, tmp_path)).get("/dashboard").text
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


def test_a_dashboard_without_a_ledger() -> None:
    """It is a 503 with a sentence, not a fault."""
    answer = other(gone).get("/dashboard")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "ledger_unreadable")


def test_no_such_page(client: FlaskClient) -> None:
    """An unknown path is a 404 in the shape that SDKs read, with the right addresses."""
    answer = client.get("/v2/chat/completions")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "no_such_page")
    assert "/v1" in answer.json["error"]["message"]


@pytest.mark.parametrize("path", ["/health", "/dashboard", "/nothing", "/static/aex.css"])
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
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_the_page_obeys_its_own_policy(client: FlaskClient) -> None:
    """It holds no script, no style of its own, no handler and nothing from elsewhere."""
    page = client.get("/dashboard").text
    for forbidden in ("<script", "<style", "style=", "onclick", "http://", "https://"):
        assert forbidden not in page
    with client.get("/static/aex.css") as style:
        assert style.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/health", "/dashboard"])
def test_pages_are_only_read(client: FlaskClient, path: str, method: str) -> None:
    """Nothing can be written through them."""
    assert getattr(client, method)(path).status_code == 405
