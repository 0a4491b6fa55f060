"""Laws of kernel time: it never steps back, and steps of the wall clock do not reach it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from ledger.clock import KernelClock

HOUR = 3_600_000_000_000
WALL = 1_800_000_000_000_000_000


class Machine:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.wall = WALL
        self.steady = 5 * HOUR

    def clock(self) -> KernelClock:
        return KernelClock(wall=lambda: self.wall, steady=lambda: self.steady)


@pytest.mark.parametrize("step", [-HOUR, -1_000_000_000, 24 * HOUR])
def test_a_step_of_the_wall_clock_changes_nothing(step: int) -> None:
    """After the start, neither a step back nor one ahead of the wall clock is seen."""
    machine = Machine()
    clock = machine.clock()
    assert clock() == WALL
    machine.wall += step
    machine.steady += 7
    assert clock() == WALL + 7
    # The control: a clock that starts now does see it.
    assert machine.clock()() == WALL + step


def test_what_was_logged_is_a_floor() -> None:
    """A clock that lags behind the log goes on from the log's time."""
    machine = Machine()
    clock = machine.clock()
    clock.observe(WALL + HOUR)
    assert clock() == WALL + HOUR
    machine.steady += 3
    assert clock() == WALL + HOUR + 3


def test_an_older_log_holds_nothing_back() -> None:
    """A log that is behind the clock does not move it."""
    clock = Machine().clock()
    clock.observe(WALL - HOUR)
    clock.observe(0)
    assert clock() == WALL


def test_the_machines_own_clocks_are_the_default() -> None:
    """Without arguments it starts at the wall clock's time and never decreases."""
    before = time.time_ns()
    clock = KernelClock()
    readings = [clock() for _ in range(1_000)]
    assert before - 1_000_000_000 < readings[0] < time.time_ns() + 1_000_000_000
    assert all(a <= b for a, b in pairwise(readings))
