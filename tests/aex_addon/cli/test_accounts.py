"""What agents and teams have in common behaves alike for both."""

from __future__ import annotations

import pytest

from aex_addon.cli.accounts import label, require, shape_text
from aex_addon.cli.context import Context
from ledger.errors import CommandRefused
from tests.aex_addon.cli.conftest import Aex

BOTH = pytest.mark.parametrize(("kind", "name"), [("agent", "shop"), ("team", "lab")])


@pytest.fixture(autouse=True)
def accounts(aex: Aex, shop: str) -> None:
    """An agent `shop` with $5.00, and a team `lab` with $10.00."""
    aex("team", "create", "lab", 10)


@BOTH
def test_credit(aex: Aex, kind: str, name: str) -> None:
    """The budget grows by the amount, which is shown; an amount that is none is wrong usage."""
    before = aex.json("agent", "inspect", name)["budget_nanousd"]
    assert "budget" in aex(kind, "top-up", name, "0.5").stdout
    after = aex.json(kind, "top-up", name, "0.5", "--reason", "more")
    assert after["budget_nanousd"] == before + 10**9
    aex(kind, "top-up", name, "much", code=2)


@BOTH
def test_taking_back(aex: Aex, kind: str, name: str) -> None:
    """The budget shrinks by the amount, never by more than what is left of it."""
    before = aex.json("agent", "inspect", name)["budget_nanousd"]
    after = aex.json(kind, "withdraw", name, "0.5", "--reason", "mistyped")
    assert after["budget_nanousd"] == before - 5 * 10**8
    refused = aex(kind, "withdraw", name, "1000", code=1).stderr
    assert f"of the budget of {name} is neither spent nor held" in refused
    assert "0.00" in aex(kind, "withdraw", name, after["remaining_usd"]).stdout
    aex(kind, "withdraw", name, "much", code=2)


@BOTH
def test_rates_and_window(aex: Aex, kind: str, name: str) -> None:
    """What is named changes, the rest stays, and nothing named is wrong usage."""
    assert aex.json(kind, "limits", name, "--tpm", 9)["tpm"] == 9
    changed = aex.json(kind, "limits", name, "--rpm", 5, "--window", "week")
    assert (changed["rpm"], changed["tpm"], changed["budget_window"]) == (5, 9, "week")
    assert "at least one limit" in aex(kind, "limits", name, code=2).stderr


@BOTH
def test_an_end_asks_first(aex: Aex, kind: str, name: str) -> None:
    """Without a yes the account stays; with one, typed or given, it ends."""
    aex(kind, "delete", name, code=1, text="n\n")
    assert aex.json("agent", "inspect", name)["lifecycle_state"] == "READY"
    assert aex(kind, "delete", name, text="y\n").stdout == f"{kind} {name} has ended\n"
    aex(kind, "delete", name, "--yes", code=1)


def test_a_name_of_another_kind_is_refused(context: Context) -> None:
    """The refusal says what the name stands for and what was asked for."""
    require(context, "shop", "agent", "run")
    require(context, "lab", "team")
    with pytest.raises(CommandRefused, match="lab is of the kind team; this takes an agent or a"):
        require(context, "lab", "agent", "run")
    with pytest.raises(CommandRefused, match="there is no team 'x'"):
        require(context, "x", "team")


@pytest.mark.parametrize(
    ("key", "words", "text"),
    [
        ("budget", "budget", "$5.00"),
        ("rpm", "calls a minute", 60),
        ("tpm", "tokens a minute", "no limit"),
        ("budget_window", "budget window", "total"),
    ],
)
def test_values_for_people(aex: Aex, key: str, words: str, text: object) -> None:
    """Amounts are dollars, no limit is said in words, and keys are words."""
    assert (label(key), shape_text(aex.json("agent", "inspect", "shop"), key)) == (words, text)


@BOTH
def test_state(aex: Aex, kind: str, name: str) -> None:
    """An account moves with a reason, which is shown; without one it is wrong usage."""
    moved = aex.json(kind, "state", name, "paused", "--reason", "it loops")
    assert (moved["lifecycle_state"], moved["lifecycle_reason"]) == ("PAUSED", "it loops")
    assert "it loops" in aex(kind, "state", name, "READY", "--reason", "it loops no more").stdout
    assert "--reason" in aex(kind, "state", name, "PAUSED", code=2).stderr
    said = aex(kind, "state", name, "ASLEEP", "--reason", "x", code=1).stderr
    assert "a state is one of" in said


def test_a_state_of_another_kind(aex: Aex) -> None:
    """`agent state` takes no team, and the other way round."""
    assert (
        "of the kind team" in aex("agent", "state", "lab", "PAUSED", "--reason", "x", code=1).stderr
    )
    assert (
        "of the kind agent"
        in aex("team", "state", "shop", "PAUSED", "--reason", "x", code=1).stderr
    )
