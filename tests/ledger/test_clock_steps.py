"""Whatever the machines' clocks do, tokens, rate limits and the order of events keep kernel time.

test_clock.py holds the clock alone to this; here a store with a ledger works on one, and on two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.clock import KernelClock
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import SECOND, START, URL, admit, commit, create, open_at, word

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LIMIT = 3
LIFE = 5 * MINUTE
TICK = 5 * SECOND
TICKS = LIFE // TICK + 5


class Machine:
    """Two clocks: one that people and NTP set, and a steady one. `wall` is what the first shows."""

    def __init__(self, wall: Callable[[int], int] = lambda true: true, true: int = START) -> None:
        self.true, self.wall = true, wall

    def clock(self) -> KernelClock:
        """What a gateway makes of them when it starts."""
        return KernelClock(
            wall=lambda: self.wall(self.true), steady=lambda: self.true - START + HOUR
        )


def steps(by: int) -> Callable[[int], int]:
    """A wall clock that is set a minute after the start."""
    return lambda true: true + (by if true >= START + MINUTE else 0)


def to_and_fro(true: int) -> int:
    """A wall clock that is set an hour ahead and back again, minute by minute."""
    return true + (HOUR if (true - START) // MINUTE % 2 else 0)


def repeated_second(true: int) -> int:
    """A leap second: the wall clock shows the second before the minute twice."""
    return true - (SECOND if true >= START + MINUTE else 0)


def smeared(true: int) -> int:
    """A leap second spread over a day: the wall clock is slower by one part in 86 400."""
    return true - (true - START) // 86_400


STEPS = {
    "an hour back": steps(-HOUR),
    "a second back": steps(-SECOND),
    "a day ahead": steps(DAY),
    "frozen": lambda true: min(true, START + MINUTE),
    "summer time begins": steps(HOUR),
    "summer time ends": steps(-HOUR),
    "set to and fro": to_and_fro,
    "a leap second": repeated_second,
    "a smeared leap second": smeared,
    "set to 1970": lambda true: true if true < START + MINUTE else 0,
}


def begin(store: Store) -> None:
    """An agent with a rate limit and a token that ends."""
    store.one(create(budget=10**9, rpm=LIMIT, token_expires_at=START + LIFE))


def tick(store: Store, number: int) -> str:
    """A call, settled at once where it may leave; what was said to it."""
    outcome = store.one(admit(f"e{number}"))
    store.one(commit(f"e{number}", 7))
    return word(outcome)


def story(base: Path, machine: Machine) -> tuple[list[str], list[int]]:
    """What is said to a call every few seconds, and the times of the events from the start."""
    with closing(open_at(base, clock=machine.clock())) as store, Reader(URL, base) as reader:
        begin(store)
        said = []
        for number in range(TICKS):
            machine.true += TICK
            said.append(tick(store, number))
        assert sound(reader)
        return said, [logged.event.time_ns - START for logged in reader.log()]


@pytest.fixture
def untouched(tmp_path: Path) -> tuple[list[str], list[int]]:
    """The story on a machine whose wall clock is right."""
    base = tmp_path / "untouched"
    base.mkdir()
    said, times = story(base, Machine())
    # The control: there was a burst, then a call every 20 s, then the token's end.
    assert [one[:5] for one in said[:4]] == ["holds"] * 3 + ["429 r"]
    assert said.count("429 rate_limited") > TICKS / 2
    assert said[LIFE // TICK - 1 :] == ["401 token_expired"] * (TICKS - LIFE // TICK + 1)
    return said, times


@pytest.mark.parametrize("wall", STEPS.values(), ids=STEPS)
def test_a_step_of_the_wall_clock(
    tmp_path: Path, untouched: tuple[list[str], list[int]], wall: Callable[[int], int]
) -> None:
    """While a gateway runs its answers and the times in its log are those of a right clock."""
    # The control: who asks the wall clock itself is told something else.
    assert Machine(wall, START + 11 * MINUTE).clock()() != START + 11 * MINUTE
    assert story(tmp_path, Machine(wall)) == untouched


@pytest.mark.parametrize("by", [-HOUR, -SECOND, -5 * MINUTE, -DAY])
def test_a_start_with_a_clock_set_back(tmp_path: Path, by: int) -> None:
    """A gateway that starts when the clock was set back goes on from the log's newest event."""
    machine = Machine()
    with closing(open_at(tmp_path, clock=machine.clock())) as store:
        begin(store)
        assert [tick(store, number)[:5] for number in range(4)] == ["holds"] * 3 + ["429 r"]
    behind = Machine(lambda true: true + by)
    with closing(open_at(tmp_path, clock=behind.clock())) as store, Reader(URL, tmp_path) as reader:
        assert tick(store, 4) == "429 rate_limited"
        # The limit recovers as fast as ever, not only once the clock has caught up.
        behind.true += MINUTE // LIMIT
        assert tick(store, 5).startswith("holds")
        behind.true += LIFE
        assert tick(store, 6) == "401 token_expired"
        times = [logged.event.time_ns for logged in reader.log()]
        assert times == sorted(times)
        assert sound(reader)


@pytest.fixture
def skewed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Machine, list[Store]]]:
    """Two gateways on one ledger; the second one's wall clock is off by so much."""
    machine = Machine()
    other = Machine(lambda true: true + request.param)
    with ExitStack() as stack:
        clocks = [
            machine.clock(),
            # One passage of time, seen on two wall clocks.
            KernelClock(
                wall=lambda: other.wall(machine.true),
                steady=lambda: machine.true - START + 2 * HOUR,
            ),
        ]
        yield (
            machine,
            [stack.enter_context(closing(open_at(tmp_path, clock=clock))) for clock in clocks],
        )


@pytest.mark.parametrize("skewed", [-5 * MINUTE, 5 * MINUTE, 0], indirect=True)
def test_gateways_whose_clocks_differ(tmp_path: Path, skewed: tuple[Machine, list[Store]]) -> None:
    """Gateways that take turns share one time: limits are exact, the order is the log's."""
    machine, stores = skewed
    # Each has written once: from here on both know the newest time of the log.
    stores[1].one(create("bob"))
    start = stores[1].clock()
    stores[0].one(create(budget=10**9, rpm=LIMIT, token_expires_at=start + LIFE))
    said = []
    for number in range(TICKS):
        machine.true += TICK
        said.append(tick(stores[number % 2], number))
    alone = Machine()
    base = tmp_path / "alone"
    base.mkdir()
    assert said == story(base, alone)[0]
    with Reader(URL, tmp_path) as reader:
        times = [logged.event.time_ns for logged in reader.log()]
        assert times == sorted(times)
        assert sound(reader)


@pytest.mark.parametrize("skewed", [-5 * MINUTE], indirect=True)
def test_a_gateway_that_lags_shifts_nothing(skewed: tuple[Machine, list[Store]]) -> None:
    """A gateway whose clock is behind uses the log's time from its first command on."""
    machine, stores = skewed
    begin(stores[0])
    assert [tick(stores[0], number)[:5] for number in range(3)] == ["holds"] * 3
    assert tick(stores[1], 3) == "429 rate_limited"
    machine.true += LIFE
    assert tick(stores[1], 4) == "401 token_expired"
    assert tick(stores[0], 5) == "401 token_expired"


@pytest.mark.parametrize("skewed", [5 * MINUTE], indirect=True)
def test_a_gateway_that_is_ahead_moves_time_once(skewed: tuple[Machine, list[Store]]) -> None:
    """A gateway whose clock is ahead takes the others along, once and by no more than that."""
    machine, stores = skewed
    begin(stores[0])
    moved = []
    for number in range(6):
        machine.true += TICK
        tick(stores[number % 2], number)
        moved.append(stores[number % 2].clock() - machine.true)
    assert moved[0] == 0
    # Those that follow are behind by no more than the pause since its last event.
    assert all(5 * MINUTE - TICK <= ahead <= 5 * MINUTE for ahead in moved[1:])
