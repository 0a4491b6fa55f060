"""A call's story. Its form is told by test_api.py; here are the turns that a story may take."""

from __future__ import annotations

from ledger.commands import Adjust, Judged
from tests.ledger.making import REFUSED, admit, commit, create
from tests.web.conftest import Site
from web.story import story


def test_a_bill_above_its_reserve(site: Site) -> None:
    """What is above is told, nothing is given back, and every booking stands with its reason."""
    site.store.execute([admit("e1", "bot"), commit("e1", 150)])
    site.store.one(Adjust("e1", 120, "a late bill", "operator"))
    with site.open_reader() as reader:
        told = story(reader, "e1")
    assert told is not None
    assert (told["cost"]["over_nanousd"], told["cost"]["given_back_nanousd"]) == (20, 0)
    bookings = [(one["actual_nanousd"], one["reason"]) for one in told["cost"]["bookings"]]
    assert bookings == [(150, ""), (120, "a late bill")]


def test_a_budget_that_could_not_carry_it(site: Site) -> None:
    """The verdict names the account, what was needed and what was left."""
    site.store.execute([create("poor", 5), admit("e1", "poor", fixed=100)])
    with site.open_reader() as reader:
        told = story(reader, "e1")
        assert story(reader, "e2") is None
    assert told is not None
    verdict = told["verdict"]
    assert (verdict["code"], verdict["account"]) == ("budget_exceeded", "poor")
    assert (verdict["needed_nanousd"], verdict["remaining_nanousd"]) == (100, 5)


def test_what_the_policy_said_is_told(site: Site) -> None:
    """The hash, what is in shadow and obligations, of a call that passed and of one that did not;
    of others there is nothing to tell."""
    said = Judged("ab" * 32, ("rule r: no",), ("keep it",))
    site.store.execute([admit("e1", "bot", judged=said), admit("e2", "bot")])
    site.store.one(admit("e3", "bot", judged=Judged("cd" * 32), refusal=REFUSED))
    with site.open_reader() as reader:
        told = {name: (story(reader, name) or {})["policy"] for name in ("e1", "e2", "e3")}
        assert reader.shadowed(("e1", "e2", "e3")) == {"e1"}
    assert told["e1"] == {"hash": "ab" * 32, "shadow": ["rule r: no"], "obligations": ["keep it"]}
    assert told["e2"] is None
    assert told["e3"] == {"hash": "cd" * 32, "shadow": [], "obligations": []}
    page = site.browser().get("/dashboard/executions/e1").text
    assert "were it not in shadow" in page
    assert "rule r: no" in page
