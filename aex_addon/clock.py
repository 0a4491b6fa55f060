"""The time of day, for prices, certificates and ids. Kernel time is ledger/clock.py's.

Owns: the only look at a clock in this package. Refuses to know: what the time is used for.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def steady_s() -> float:
    """A clock that only goes forward, in seconds; for waiting."""
    return time.monotonic()


def now_ns() -> int:
    """The wall clock, in nanoseconds since the epoch."""
    return time.time_ns()
