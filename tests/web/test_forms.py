"""Acting from the page: asked first, done when it is meant, refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ledger.state import Agent
from tests.ledger.making import run
from tests.web.conftest import HOST, Site

ORIGIN = {"Origin": f"http://{HOST}"}


@pytest.fixture
def browser(site: Site) -> FlaskClient:
    return site.browser()


def post(browser: FlaskClient, act: str, name: str = "bot", **fields: str) -> Any:
    return browser.post(f"/dashboard/agents/{name}/{act}", data=fields, headers=ORIGIN)


def bot(site: Site) -> Agent:
    with site.open_reader() as reader:
        found = reader.agent("bot")
    assert found is not None
    return found


def test_a_top_up(browser: FlaskClient, site: Site) -> None:
    """The first step asks and changes nothing; the second does it and leads back."""
    asked = post(browser, "top-up", amount_usd=" $2.50 ", reason="a fair share")
    assert asked.status_code == 200
    assert "Add $2.50 to bot?" in asked.text
    assert "$1.00 left now, and $3.50 then" in asked.text
    assert bot(site).budget_nanousd == 10**9
    done = post(browser, "top-up", amount_usd="2.50", reason="a fair share", meant="yes")
    assert (done.status_code, done.location) == (303, "/dashboard/agents/bot?done=topped-up")
    assert bot(site).budget_nanousd == 35 * 10**8


def test_taking_back(browser: FlaskClient, site: Site) -> None:
    """As a top-up; more than is left is refused before it is asked about."""
    asked = post(browser, "withdraw", amount_usd="$0.25", reason="mistyped")
    assert "Take $0.25 back from bot?" in asked.text
    assert "$1.00 left now, and $0.75 then" in asked.text
    assert bot(site).budget_nanousd == 10**9
    done = post(browser, "withdraw", amount_usd="0.25", reason="mistyped", meant="yes")
    assert (done.status_code, done.location) == (303, "/dashboard/agents/bot?done=withdrawn")
    assert bot(site).budget_nanousd == 75 * 10**7
    more = post(browser, "withdraw", amount_usd="0.76", reason="mistyped")
    assert more.status_code == 409
    assert "bot has $0.75 left; no more can be taken back" in more.text


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("PAUSED", "end within a second"),
        ("STOPPING", "come to their end"),
        ("QUARANTINED", "end within a second"),
        ("RUNNING", "makes calls again"),
    ],
)
def test_a_move(browser: FlaskClient, site: Site, goal: str, words: str) -> None:
    """What it leads to is said before it is done."""
    assert words in post(browser, "state", state=goal, reason="it loops").text
    assert bot(site).lifecycle_state == "READY"
    assert post(browser, "state", state=goal, reason="it loops", meant="yes").status_code == 303
    assert (bot(site).lifecycle_state, bot(site).lifecycle_reason) == (goal, "it loops")


def test_a_run(browser: FlaskClient, site: Site) -> None:
    """Its name has a slash, and it is paused like any other."""
    site.store.one(run("bot", "r1", 5))
    fields = {"state": "PAUSED", "reason": "x", "meant": "yes"}
    assert post(browser, "state", "bot/r1", **fields).status_code == 303


@pytest.mark.parametrize(
    ("act", "fields", "status"),
    [
        ("top-up", {"amount_usd": "2", "reason": "  "}, 400),
        ("top-up", {"amount_usd": "much", "reason": "x"}, 400),
        ("top-up", {"amount_usd": "0", "reason": "x"}, 409),
        ("withdraw", {"amount_usd": "2", "reason": "x"}, 409),
        ("withdraw", {"amount_usd": "much", "reason": "x"}, 400),
        ("state", {"state": "ASLEEP", "reason": "x"}, 400),
        ("state", {"state": "READY", "reason": "x" * 501}, 400),
        ("state", {"state": "ERROR_RECOVERY", "reason": "x"}, 409),
    ],
)
def test_refusals(
    browser: FlaskClient, site: Site, act: str, fields: dict[str, str], status: int
) -> None:
    """A form that does not fit is a page that says why, and changes nothing."""
    before = bot(site)
    answer = post(browser, act, **fields, meant="yes")
    assert answer.status_code == status
    assert "To the dashboard" in answer.text
    assert bot(site) == before
    assert post(browser, act, "nobody", **fields).status_code in (400, 404)
