"""A balance is of the budget window that a moment lies in."""

from __future__ import annotations

import pytest

from ledger.balance import current
from tests.ledger.making import started

DAY = 86_400_000_000_000
# A daily budget of 1,000, of which 30 were spent on day 10, and 5 before it.
DAILY = (
    started()
    .state.agents["alice"]
    ._replace(
        budget_window="day",
        window_start=10 * DAY,
        spent_nanousd=30,
        spent_before_nanousd=5,
    )
)


@pytest.mark.parametrize(
    ("now", "spent", "before"),
    [(10 * DAY, 30, 5), (11 * DAY - 1, 30, 5), (11 * DAY, 0, 35), (20 * DAY, 0, 35)],
)
def test_a_window_that_nobody_began_is_new(now: int, spent: int, before: int) -> None:
    """After the end of a window nothing is spent in the next one, and the sum stays."""
    found = current(DAILY, now)
    assert (found.spent_nanousd, found.spent_before_nanousd) == (spent, before)
    assert found.window_start == now - now % DAY
    assert found.remaining_nanousd == 1_000 - spent


def test_a_budget_for_good_never_starts_anew() -> None:
    """Without a window the row is as it stands, however late it is."""
    forever = DAILY._replace(budget_window="total", window_start=0)
    assert current(forever, 10**18) is forever


def test_the_clock_may_go_back() -> None:
    """A moment before the window that the ledger has begun changes nothing."""
    assert current(DAILY, 5 * DAY) is DAILY
