"""Rate limits by the generic cell rate algorithm (GCRA), as pure arithmetic.

Owns: when a call conforms to "N per minute", and how long to wait if not.
Refuses to know: clocks, tables, what is being counted.

One integer is the whole state of a limit: the theoretical arrival time (TAT), in nanoseconds.
A burst of N is allowed, then one cell every 60 s / N. See ITU-T I.371, annex A.
"""

from __future__ import annotations

MINUTE_NS = 60_000_000_000


# What one call may claim is no debt of more than a day, whatever number its client wrote.
_DEBT_MINUTES = 1440


def bounded(cells: int, per_minute: int) -> int:
    """The cells that are counted of one request."""
    return min(cells, per_minute * _DEBT_MINUTES)


def conform(tat_ns: int, now_ns: int, per_minute: int, cells: int = 1) -> tuple[int, int]:
    """(new TAT, wait in nanoseconds); the wait is 0 where the cells conform.

    A request for more cells than the limit itself can never conform at once; it is let through
    when the bucket is full, and the debt is paid off before the next.
    """
    start = max(tat_ns, now_ns)
    new_tat = start + cells * MINUTE_NS // per_minute
    tolerance = MINUTE_NS if cells <= per_minute else new_tat - start
    wait = new_tat - tolerance - now_ns
    return (new_tat, 0) if wait <= 0 else (tat_ns, wait)


def give_back(tat_ns: int, per_minute: int, taken: int, used: int) -> int:
    """The TAT as it would be had only `used` of the cells that were taken been asked for."""
    return tat_ns - taken * MINUTE_NS // per_minute + used * MINUTE_NS // per_minute


def restate(tat_ns: int, now_ns: int, before: int, after: int) -> int:
    """The TAT at which as many cells are taken after the limit has changed; before 0 is none."""
    debt = max(tat_ns - now_ns, 0) * before // after
    return now_ns + min(debt, _DEBT_MINUTES * MINUTE_NS)
