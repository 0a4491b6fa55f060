"""What has changed: those rows, once, as the page has them; nothing where nothing has happened."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from ledger.commands import Judged
from tests.ledger.making import REFUSED, admit, commit, create, run, team
from tests.web.conftest import Site


def news(client: FlaskClient, after: int) -> Any:
    answer = client.get(f"/dashboard/live?after={after}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_nothing_new(client: FlaskClient, site: Site) -> None:
    """A look at a quiet ledger is a few bytes."""
    head = news(client, 0)["cursor"]
    assert news(client, head) == {"cursor": head}


def test_what_is_new(client: FlaskClient, site: Site) -> None:
    """Calls that moved, oldest first; accounts that they pay from, up to the team."""
    site.store.execute([team("lab"), create("zoe", parent="lab"), run("zoe", "r1", 500)])
    site.store.one(admit("e1", "zoe/r1"))
    head = news(client, 0)["cursor"]
    site.store.execute([commit("e1", 70), admit("e2", "bot")])
    told = news(client, head)
    assert [name for name, _ in told["calls"]] == ["e1", "e2"]
    assert {name for name, _ in told["accounts"]} == {"lab", "zoe", "zoe/r1", "bot"}
    rows = dict(told["calls"])
    assert "COMMITTED" in rows["e1"]
    assert "DISPATCHED" in rows["e2"]
    assert rows["e1"].strip() in client.get("/dashboard").text
    assert told["denials"] is None
    assert told["order"] == ["lab", "zoe", "zoe/r1", "bot"]
    assert news(client, told["cursor"]) == {"cursor": told["cursor"]}


def test_a_denial(client: FlaskClient, site: Site) -> None:
    """It comes with the list of the newest, and its reason."""
    head = news(client, 0)["cursor"]
    site.store.one(admit("e1", "bot", refusal=REFUSED))
    assert "no price for m" in news(client, head)["denials"]


def test_a_call_that_a_policy_in_shadow_would_have_refused(client: FlaskClient, site: Site) -> None:
    """Every list of calls marks it, and it alone."""
    head = news(client, 0)["cursor"]
    said = Judged("ab" * 32, ("rule r: no",))
    site.store.execute([admit("e1", "bot", judged=said), admit("e2", "bot")])
    rows = dict(news(client, head)["calls"])
    assert {name: ">in shadow<" in row for name, row in rows.items()} == {"e1": True, "e2": False}
    for page in ("/dashboard", "/dashboard/activity", "/dashboard/agents/bot"):
        text = client.get(page).text
        assert text.count(">in shadow<") == 1
        assert rows["e1"].strip() in text


def test_a_log_that_was_put_back(client: FlaskClient, site: Site) -> None:
    """A cursor beyond the log asks for the whole page again."""
    told = news(client, 999)
    assert told["reload"] is True
    assert told["calls"] == []


def test_very_much_at_once(client: FlaskClient, site: Site) -> None:
    """Whoever was away for long gets as many calls as the page has, not all of them."""
    site.store.execute([admit(f"e{number:03}", "bot", fixed=1) for number in range(120)])
    told = news(client, 1)
    assert len(told["calls"]) == 50
    assert told["calls"][-1][0] == "e119"
