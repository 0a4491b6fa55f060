"""Laws of rate limits: a burst of N, then one cell every 60 s / N, at any time of any clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rates import MINUTE_NS, conform, give_back, restate

LIMITS = [1, 2, 3, 7, 60, 100, 1_000, 6_000]
SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


def take(tat: int, now: int, per_minute: int) -> tuple[int, int]:
    """Takes cells until one has to wait; (the state, how many were taken)."""
    for taken in range(per_minute + 2):
        tat, wait = conform(tat, now, per_minute)
        if wait:
            return tat, taken
    raise AssertionError("no limit")


@pytest.mark.parametrize("per_minute", LIMITS)
def test_a_burst_is_exactly_n(per_minute: int) -> None:
    """Out of rest, exactly N cells conform at one instant."""
    assert take(0, NOW, per_minute)[1] == per_minute


@pytest.mark.parametrize("per_minute", LIMITS)
def test_after_the_burst_one_cell_an_interval(per_minute: int) -> None:
    """After the burst one cell conforms in every 60 s / N, and not a nanosecond earlier."""
    tat, _ = take(0, NOW, per_minute)
    now = NOW
    for _ in range(5):
        _, wait = conform(tat, now, per_minute)
        # N intervals of whole nanoseconds may lie below a minute by less than N.
        assert MINUTE_NS // per_minute - per_minute < wait <= MINUTE_NS // per_minute
        assert conform(tat, now + wait - 1, per_minute)[1] == 1
        now += wait
        tat, wait = conform(tat, now, per_minute)
        assert wait == 0


@pytest.mark.parametrize("per_minute", LIMITS)
def test_a_minute_of_rest_gives_the_whole_burst(per_minute: int) -> None:
    """Whatever was taken, a minute later the whole burst is there again, and no more."""
    tat, _ = take(0, NOW, per_minute)
    assert take(tat, NOW + MINUTE_NS, per_minute)[1] == per_minute
    assert take(tat, NOW + 60 * MINUTE_NS, per_minute)[1] == per_minute


@pytest.mark.parametrize(
    ("per_minute", "at_s", "allowed"),
    [
        # at each of these seconds, is the next call let through?
        (1, [0, 1, 59, 60, 61, 120], [1, 0, 0, 1, 0, 1]),
        (2, [0, 0, 0, 29, 30, 31, 60], [1, 1, 0, 0, 1, 0, 1]),
        (60, [0] * 60 + [0, 1, 1, 2], [1] * 60 + [0, 1, 0, 1]),
    ],
)
def test_schedules(per_minute: int, at_s: list[int], allowed: list[int]) -> None:
    """Calls at these seconds are let through and held back as the table says."""
    tat, answers = 0, []
    for second in at_s:
        tat, wait = conform(tat, NOW + second * SECOND, per_minute)
        answers.append(int(not wait))
    assert answers == allowed


@given(
    st.integers(0, 2 * MINUTE_NS),
    st.integers(1, 10_000),
    st.integers(1, 50),
    st.integers(-NOW + 4 * MINUTE_NS, NOW),
)
def test_only_differences_of_time_count(ahead: int, limit: int, cells: int, shift: int) -> None:
    """The same state and the same time, both moved by a day or a decade, decide the same."""
    tat, wait = conform(NOW + ahead, NOW, limit, cells)
    assert conform(NOW + ahead + shift, NOW + shift, limit, cells) == (tat + shift, wait)


@given(st.integers(0, NOW + MINUTE_NS), st.integers(1, 10_000))
def test_a_refusal_costs_nothing(tat: int, limit: int) -> None:
    """A cell that has to wait leaves the state as it was."""
    after, wait = conform(tat, NOW, limit)
    assert after == tat if wait else after > tat


def test_more_cells_than_the_limit_pass_when_rested() -> None:
    """A request above the limit itself passes once and is paid off before the next."""
    tat, wait = conform(0, NOW, 10, cells=25)
    assert (tat, wait) == (NOW + 150 * SECOND, 0)
    assert conform(tat, NOW, 10)[1] == 96 * SECOND
    assert conform(tat, NOW + 96 * SECOND, 10)[1] == 0


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_cells_can_be_given_back(limit: int, used: int, unused: int) -> None:
    """Cells that were not needed leave the state as if they had not been taken."""
    taken = used + unused
    tat = conform(0, NOW, limit, taken)[0]
    assert give_back(tat, limit, taken, used) == conform(0, NOW, limit, used)[0]
    assert give_back(tat, limit, taken, 0) == NOW


@given(st.sampled_from(LIMITS), st.sampled_from(LIMITS), st.data())
def test_a_changed_limit_counts_what_was_taken(
    before: int, after: int, data: st.DataObject
) -> None:
    """Under another limit as many cells are taken: the rest conforms, and not one more."""
    taken = data.draw(st.integers(0, before))
    tat = restate(conform(0, NOW, before, taken)[0], NOW, before, after)
    left = after - taken
    if left >= 1:
        assert conform(tat, NOW, after, left)[1] == 0
    assert conform(tat, NOW, after, max(left, 0) + 1)[1] > 0 or taken == 0
    # Taken back under the new limit, nothing is left of it.
    assert give_back(tat, after, taken, 0) <= NOW


def test_what_was_taken_of_no_limit() -> None:
    """A limit where there was none begins with nothing taken, a lowered one owes a day at most."""
    assert restate(NOW + 7 * SECOND, NOW, 0, 10) == NOW
    assert restate(NOW - SECOND, NOW, 5, 10) == NOW
    assert restate(NOW + MINUTE_NS, NOW, 10**9, 1) == NOW + 1440 * MINUTE_NS
