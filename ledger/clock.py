"""Kernel time: nanoseconds that never step back and never jump.

Owns: the only look at a clock in this package. Everything else takes `now` as an argument.
Refuses to know: time zones, formats, what the time is used for.

The wall clock is read once, at the start; from then on a monotonic clock carries it forward, so
that an operator's or NTP's step changes no rate window, no expiry and no order of events. What
the log has seen is a floor: a gateway whose clock lags behind another's continues from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def _steady_ns() -> int:
    # CLOCK_BOOTTIME goes on while the machine sleeps; CLOCK_MONOTONIC does not.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class KernelClock:
    """Callable: nanoseconds since the epoch, never decreasing."""

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = _steady_ns,
    ) -> None:
        self._steady = steady
        self._offset = wall() - steady()

    def __call__(self) -> int:
        return self._steady() + self._offset

    def observe(self, logged_ns: int) -> None:
        """Takes the time of the newest event as a floor from here on."""
        behind = logged_ns - self()
        if behind > 0:
            self._offset += behind
