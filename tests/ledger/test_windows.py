"""Laws of budget windows: they are the calendar's days, weeks and months, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.windows import WINDOWS, end_of, start_of

instants = st.integers(0, 7_000_000_000_000_000_000)
windows = st.sampled_from(WINDOWS[1:])


def at(ns: int) -> datetime:
    """The instant, as the calendar has it."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9)


@given(windows, instants)
def test_now_lies_in_its_window(window: str, now: int) -> None:
    """A window holds its instant, and its start is where it begins for all instants in it."""
    start, end = start_of(window, now), end_of(window, now)
    assert start <= now < end
    assert start_of(window, start) == start_of(window, end - 1) == start
    assert start_of(window, end) == end


@given(windows, instants)
def test_windows_are_the_calendars(window: str, now: int) -> None:
    """A window begins at midnight of its day, its Monday, or the first of its month."""
    midnight = at(now).replace(hour=0, minute=0, second=0)
    expected = {
        "day": midnight,
        "week": midnight - timedelta(days=midnight.weekday()),
        "month": midnight.replace(day=1),
    }[window]
    start = start_of(window, now)
    assert (at(start), start % 10**9) == (expected, 0)


@given(windows, instants)
def test_windows_have_their_length(window: str, now: int) -> None:
    """A day has 24 hours, a week 7 days, a month up to the first of the next."""
    start, end = at(start_of(window, now)), at(end_of(window, now))
    if window == "month":
        assert (end.day, (end.year * 12 + end.month) - (start.year * 12 + start.month)) == (1, 1)
    else:
        assert end - start == timedelta(days=1 if window == "day" else 7)


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        ("day", "2028-02-29T23:59:59", "2028-02-29", "2028-03-01"),
        ("week", "2027-01-03T12:00:00", "2026-12-28", "2027-01-04"),
        ("week", "2027-01-04T00:00:00", "2027-01-04", "2027-01-11"),
        ("month", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
        ("month", "2027-12-31T23:59:59", "2027-12-01", "2028-01-01"),
    ],
)
def test_edges_of_the_calendar(window: str, now: str, start: str, end: str) -> None:
    """Leap days, turns of the year and Mondays fall where the calendar has them."""
    instant = int(datetime.fromisoformat(now + "+00:00").timestamp()) * 10**9
    assert f"{at(start_of(window, instant)):%Y-%m-%d}" == start
    assert f"{at(end_of(window, instant)):%Y-%m-%d}" == end


@given(instants)
def test_a_total_has_neither_start_nor_end(now: int) -> None:
    """A budget for all time has no window."""
    assert (start_of("total", now), end_of("total", now)) == (0, 0)
