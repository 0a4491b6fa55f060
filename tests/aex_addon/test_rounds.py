"""What is done again and again while a gateway runs."""

from __future__ import annotations

import asyncio

import pytest

from aex_addon.rounds import Rounds


class Counting(Rounds):
    """Counts its rounds, and has enough of them after the second."""

    def __init__(self, every_s: float) -> None:
        super().__init__("test rounds", every_s)
        self.rounds: asyncio.Queue[None] = asyncio.Queue()
        self.asked = 0

    def wanted(self) -> bool:
        self.asked += 1
        return self.asked != 2

    async def go_round(self) -> None:
        self.rounds.put_nowait(None)


async def test_rounds_go_on_until_the_end() -> None:
    """The first comes at once, others by themselves, none where there is nothing to do."""
    rounds = Counting(0)
    rounds.running()
    await rounds.rounds.get()
    await rounds.rounds.get()
    assert rounds.asked >= 3
    rounds.done()
    asked = rounds.asked
    for _ in range(9):
        await asyncio.sleep(0)  # a turn of the loop, in which a round would begin
    assert rounds.asked == asked


async def test_an_end_without_a_beginning() -> None:
    """A gateway that never served ends like any other."""
    Counting(1).done()


async def test_somebody_must_do_it() -> None:
    """A round that does nothing is a mistake of its author."""
    with pytest.raises(NotImplementedError):
        await Rounds("nothing", 1).go_round()
