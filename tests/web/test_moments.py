"""Durations and times in words."""

from __future__ import annotations

import pytest

from web.moments import duration_ns, moment_ns

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1s", 1), ("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)),
        *((" 1H30m ", 5_400), ("3650d", 315_360_000)),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    """Units and sums of them are taken, in any case."""
    assert duration_ns(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1 d", "1y", "1d!", "١d"])
def test_other_text_is_refused(text: str) -> None:
    """The refusal shows how to write one."""
    with pytest.raises(ValueError, match="90m, 12h, 30d"):
        duration_ns(text)


@pytest.mark.parametrize("text", ["0s", "3651d", "999999999w"])
def test_durations_have_limits(text: str) -> None:
    """Neither nothing nor for ever."""
    with pytest.raises(ValueError, match="out of range"):
        duration_ns(text)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01", 0),
        ("2026-07-01", 1_782_864_000 * SECOND),
        (" 2026-07-01T12:00 ", 1_782_907_200 * SECOND),
        ("2026-07-01 12:00:01Z", 1_782_907_201 * SECOND),
        ("2026-07-01T12:00+02:00", 1_782_900_000 * SECOND),
        ("2026-07-01T12:00:01.123456789Z", 1_782_907_201 * SECOND + 123_456_789),
        ("2026-07-01T12:00:01.5", 1_782_907_201 * SECOND + 500_000_000),
        ("2h", 2_800 * SECOND),
        ("1H30m", 4_600 * SECOND),
        ("7d", 0),
    ],
)
def test_times(text: str, time_ns: int) -> None:
    """A time is UTC unless it says otherwise, exact to the nanosecond; a duration counts back."""
    assert moment_ns(text, 10_000 * SECOND) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026", "2026-13-01", "2026-02-30", "20260701", "2026-W05-1"),
        *(
            "2026-07-01T25:00",
            "2026-07-01T12",
            "2026-07-01T12:00 noon",
            "-7d",
            "2026-07-01.5",
            "2026-07-01T12:00.5",
        ),
    ],
)
def test_other_times_are_refused(text: str) -> None:
    """The refusal shows how to write one."""
    with pytest.raises(ValueError, match="write 2026-07-01, 2026-07-01T12:00Z, or 7d"):
        moment_ns(text, 0)


@pytest.mark.parametrize("text", ["1969-12-31", "2262-01-01", "9999-12-31T23:59:59Z"])
def test_times_have_limits(text: str) -> None:
    """A time that the books cannot hold is refused."""
    with pytest.raises(ValueError, match="out of range"):
        moment_ns(text, 0)
