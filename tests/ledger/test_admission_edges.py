"""Laws of admission at its edges: instants, rates, and what the books cannot hold."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.admin_commands import DeleteAgent
from ledger.commands import Admit, Quote, Refusal
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Denied
from tests.ledger.making import REFUSED, SECOND, START, Pure, admit, create, started, word


def test_a_token_ends_at_its_instant() -> None:
    """A token is good one nanosecond before it expires, and no longer at that instant."""
    kernel = started(token_expires_at=START + 5 * SECOND)
    kernel.now = START + 4 * SECOND - 1
    assert word(kernel(admit("e1"))) == "holds 100 cap 0"
    kernel.now = START + 4 * SECOND
    assert word(kernel(admit("e2"))) == "401 token_expired"


@pytest.mark.parametrize(
    ("change", "spent"),
    [
        ({}, True),
        ({"metered": False}, False),
        ({"refusal": REFUSED}, False),
        ({"quote": Quote(9_999)}, False),
    ],
)
def test_only_what_leaves_counts_against_the_rate(change: dict[str, Any], spent: bool) -> None:
    """A cell of the rate limit is taken by admitted, metered calls alone."""
    kernel = started(rpm=1)
    kernel(admit("e1")._replace(**change))
    assert word(kernel(admit("e2"))) == ("429 rate_limited" if spent else "holds 100 cap 0")


def test_a_deleted_agent_is_served_no_more() -> None:
    """Deleting an agent revokes its tokens, so that its calls are denied from then on."""
    kernel = started()
    kernel(DeleteAgent("alice", "operator"))
    assert word(kernel(admit("e1"))) == "401 token_revoked"


@pytest.mark.parametrize(
    "change",
    [
        {"input_tokens_max": -1},
        {"input_tokens_max": MAX_NANOUSD + 1},
        {"quote": Quote(output_tokens_cap=10**30)},
        {"quote": Quote(output_tokens_cap=-1)},
        {"quote": Quote(fixed_nanousd=MAX_NANOUSD + 1)},
        {"quote": Quote(fixed_nanousd=-1)},
        {"model": "a\0b"},
        {"model": "\ud800"},
        {"refusal": Refusal(403, "model_unpriced", "no price for '\udfff'")},
    ],
)
def test_what_the_books_cannot_hold_is_rejected(change: dict[str, Any]) -> None:
    """A call with a number or text that no engine holds is rejected alone and leaves nothing."""
    kernel = started()
    before = list(kernel.log)
    command: Admit = admit("e1")._replace(**change)
    assert word(kernel(command)) == "rejected"
    assert kernel.log == before
    assert kernel.state.executions == {}


def test_the_largest_numbers_are_held() -> None:
    """A cost above what a payload may hold is denied, and recorded as the largest amount."""
    kernel = started()
    largest = Quote(MAX_NANOUSD, MAX_NANOUSD, MAX_NANOUSD, choices=128)
    outcome = kernel(admit("e1", quote=largest, input_tokens_max=MAX_NANOUSD))
    assert isinstance(outcome, Denied)
    assert outcome.needed_nanousd == kernel.log[-1].data()["needed_nanousd"] == MAX_NANOUSD


@pytest.mark.parametrize(
    ("left", "outcome", "by", "held"),
    [
        ({"alice": 700, "team": 700, "org": 700}, "holds 700 cap 300", "", 700),
        ({"alice": 900, "team": 698, "org": 900}, "holds 698 cap 299", "", 698),
        ({"alice": 600, "team": 500, "org": 400}, "holds 400 cap 150", "", 400),
        ({"alice": 900, "team": 900, "org": 101}, "402 budget_exceeded", "org", 0),
        ({"alice": 101, "team": 900, "org": 900}, "402 budget_exceeded", "alice", 0),
    ],
)
def test_a_reserve_holds_on_every_level_or_on_none(
    left: dict[str, int], outcome: str, by: str, held: int
) -> None:
    """The smallest budget of a tree decides, and all levels hold the same."""
    kernel = Pure()
    for (name, budget), parent in zip(left.items(), ["team", "org", None], strict=True):
        kernel(create(name, budget, min_output_tokens=1))
        kernel.state.agents[name] = kernel.state.agents[name]._replace(parent=parent)
    found = kernel(admit("e1", quote=Quote(100, 2_000, 300)))
    assert word(found) == outcome
    assert getattr(found, "account", "") == by
    assert {kernel.balance(name)[2] for name in left} == {held}


def test_a_limit_above_is_everybodys() -> None:
    """A rate limit of an account above counts the calls of all below it, and is named."""
    kernel = Pure()
    for name, rpm in (("org", 2), ("alice", 9), ("bob", 9)):
        kernel(create(name, rpm=rpm))
        parent = None if name == "org" else "org"
        kernel.state.agents[name] = kernel.state.agents[name]._replace(parent=parent)
    assert [word(kernel(admit(f"e{n}", name))) for n, name in enumerate(["alice", "bob"])] == [
        "holds 100 cap 0",
        "holds 100 cap 0",
    ]
    denied = kernel(admit("e9", "alice"))
    assert isinstance(denied, Denied)
    assert (denied.code, denied.account) == ("rate_limited", "org")
