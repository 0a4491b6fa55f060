"""Budget windows: when the current day, week or month began.

Owns: the calendar of budgets, in UTC. Refuses to know: clocks, budgets, what is reset.
"""

from __future__ import annotations

from datetime import UTC, datetime

WINDOWS = ("total", "day", "week", "month")

_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS
# The epoch was a Thursday; weeks begin on Monday (ISO 8601).
_MONDAY_NS = 4 * _DAY_NS


def start_of(window: str, now_ns: int) -> int:
    """The first nanosecond of the window that `now_ns` lies in; 0 for `total`."""
    if window == "day":
        return now_ns - now_ns % _DAY_NS
    if window == "week":
        return now_ns - (now_ns - _MONDAY_NS) % (7 * _DAY_NS)
    if window == "month":
        at = datetime.fromtimestamp(now_ns // _SECOND_NS, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * _SECOND_NS
    return 0


def end_of(window: str, now_ns: int) -> int:
    """The first nanosecond after that window; 0 for `total`, which has no end."""
    if window == "total":
        return 0
    # 32 days after the start of a month lie in the next one, as do 1 day and 7 days exactly.
    span = {"day": _DAY_NS, "week": 7 * _DAY_NS, "month": 32 * _DAY_NS}[window]
    return start_of(window, start_of(window, now_ns) + span)
