"""Laws of the rows: each is frozen, the states are told apart, what remains can be negative."""

from __future__ import annotations

import pytest

from ledger import state
from tests.ledger.making import Pure, create


def test_a_state_is_open_or_terminal_or_before_both() -> None:
    """Every state is open, terminal, or the one in which nothing is held yet."""
    both = state.OPEN_STATES & state.TERMINAL_STATES
    neither = set(state.STATES) - state.OPEN_STATES - state.TERMINAL_STATES
    assert (both, neither) == (set(), {state.RESERVING})
    assert len(set(state.STATES)) == len(state.STATES) == 7


def test_what_remains() -> None:
    """What a new reserve may take is the budget less what is spent and held, also below zero."""
    kernel = Pure()
    kernel(create(budget=100))
    agent = kernel.state.agents["alice"]
    assert agent.remaining_nanousd == 100
    assert agent._replace(spent_nanousd=30, reserved_nanousd=20).remaining_nanousd == 50
    assert agent._replace(spent_nanousd=130).remaining_nanousd == -30


def test_rows_are_frozen() -> None:
    """A row cannot be changed in place, so that a decision cannot change the books."""
    kernel = Pure()
    kernel(create())
    with pytest.raises(AttributeError):
        kernel.state.agents["alice"].spent_nanousd = 1  # type: ignore[misc]
