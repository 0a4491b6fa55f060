"""ledger/outcomes.py: whatever is asked, the answer is one of a known few."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import outcomes
from ledger.admin_commands import Command
from ledger.outcomes import Outcome, Rejected
from tests.ledger.histories import acts, settlements
from tests.ledger.making import Pure, admit, create, word

KINDS = get_args(Outcome)


def test_the_union_is_all_of_them() -> None:
    """There is no outcome beside it."""
    here = {each for each in vars(outcomes).values() if isinstance(each, type)}
    assert here == set(KINDS)


@given(st.lists(acts | settlements, max_size=8))
def test_every_command_has_one(asked: list[Command]) -> None:
    """Whoever is unknown and whatever contradicts the books is told so, and raises nothing."""
    kernel = Pure()
    kernel(create())
    kernel(admit("e1"))
    for command in asked:
        assert isinstance(kernel(command), KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_answered_stays_so(kind: type) -> None:
    """Nobody on the way can make another verdict of one."""
    made = kind.__new__(kind)
    with pytest.raises(AttributeError):
        setattr(made, next(iter(kind.__slots__)), "other")  # type: ignore[attr-defined]


def test_a_contradiction_is_told() -> None:
    """An execution twice is one, and has a sentence."""
    kernel = Pure()
    kernel(create())
    kernel(admit("e1"))
    again = kernel(admit("e1"))
    assert isinstance(again, Rejected)
    assert (word(again), again.message) == ("rejected", "execution e1 exists already")
