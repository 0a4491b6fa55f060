"""Gateways that share a ledger: one dies, sleeps or is cut off, and no call is lost or doubled.

Real stores, on PostgreSQL as in production and on SQLite; time is turned by hand, beat by beat.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aex_addon.books import Books
from aex_addon.leases import BEAT_S, LEASE_S, Leases
from ledger.admin_commands import CreateAgent, Fence
from ledger.audit import audit
from ledger.commands import Admit, Commit, Quote
from ledger.opening import open_store
from ledger.outcomes import Admitted, Done, Outcome, Rejected, Settled
from ledger.read import Reader

RESERVE = 1_000
SILENCE = round(LEASE_S / BEAT_S)


class Gateway:
    """A store, its books and its lease, as a process of its own would have them."""

    def __init__(self, town: Town, name: str) -> None:
        store = open_store(town.url, town.base, ledger_id="l", version="v")
        self.name, self.store = name, store
        self.books = Books(store, asyncio.get_running_loop())
        self.leases = Leases(self.books, name, "charge", steady=lambda: town.now)

    async def admit(self, number: int) -> Outcome:
        """Asks for a call."""
        facts = f"ex_{number}", "hash", None, self.name, "proxy", "openai", "m", "/v1", False, "f"
        return await self.books.admit(Admit(*facts, Quote(RESERVE), 5, True))

    async def bill(self, number: int, actual: int) -> Settled:
        """Settles it at what the provider says."""
        usage = {"input_tokens": 1}
        bill = Commit(f"ex_{number}", actual, 200, usage, "response", "exact")
        outcome = await self.books.settle(bill)
        assert isinstance(outcome, Settled)
        return outcome

    async def go_round(self) -> None:
        """A beat and a look; what was found is settled."""
        await self.leases.go_round()
        assert await self.books.drained(30)


class Town:
    """A ledger and the time of everybody on it."""

    def __init__(self, url: str, base: Path) -> None:
        self.url, self.base, self.now = url, base, 0.0
        self.gateways: list[Gateway] = []

    def enter(self, name: str) -> Gateway:
        """A new gateway."""
        self.gateways.append(Gateway(self, name))
        return self.gateways[-1]

    async def live(self, beats: int, *gateways: Gateway) -> None:
        """So many beats pass, and these gateways are awake."""
        for _ in range(beats):
            self.now += BEAT_S
            for gateway in gateways:
                await gateway.go_round()

    def fenced(self) -> list[str]:
        """Who was shut out, as the log says, with who judged."""
        with Reader(self.url, self.base) as reader:
            payloads = [e.event.data() for e in reader.log() if e.event.type == "gateway.fenced"]
        return [f"{said['gateway']} by {said['by']}" for said in payloads]

    def books(self) -> dict[str, tuple[str, int, str]]:
        """State, amount and certainty of each call; the audit must find nothing."""
        with Reader(self.url, self.base) as reader:
            assert [finding for finding in audit(reader) if not finding.holds] == []
            rows = {row.execution_id: row for row in reader.executions(limit=None)}
            agent = reader.agent("bot")
            assert agent is not None
            assert agent.spent_nanousd == sum(row.actual_nanousd for row in rows.values())
        return {key: (row.state, row.actual_nanousd, row.certainty) for key, row in rows.items()}


@asynccontextmanager
async def founded(url: str, base: Path) -> AsyncIterator[Town]:
    """A town with one agent; its gateways leave at the end."""
    town = Town(url, base)
    store = open_store(url, base, ledger_id="l", version="v")
    store.one(CreateAgent("bot", 10**9, 0, 0, "op", "hash", "tok"))
    store.close()
    try:
        yield town
    finally:
        for gateway in town.gateways:
            gateway.books.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """A new ledger on either engine."""
    if request.param == "sqlite":
        return "sqlite:///ledger.db"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
async def town(url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with founded(url, tmp_path) as made:
        yield made


async def test_a_gateway_dies(town: Town) -> None:
    """It is shut out after a lease, its open call is booked, its late bill corrects that."""
    first, second = town.enter("gw-1"), town.enter("gw-2")
    await town.live(3, first, second)
    for number in (1, 2):
        assert isinstance(await first.admit(number), Admitted)
    assert isinstance(await second.admit(3), Admitted)
    await first.bill(1, 300)
    # One beat less than a lease: nobody judges yet.
    await town.live(SILENCE - 1, second)
    assert town.fenced() == []
    await town.live(1, second)
    assert town.fenced() == ["gw-1 by gw-2"]
    assert town.books() == {
        "ex_1": ("COMMITTED", 300, "exact"),
        "ex_2": ("COMMITTED", RESERVE, "uncertain"),
        "ex_3": ("DISPATCHED", 0, ""),
    }
    # The dead one was only slow: what it still learns lands, what it still wants does not.
    assert isinstance(await first.admit(4), Rejected)
    late = await first.bill(2, 450)
    assert (late.state, late.actual_nanousd, late.fresh) == ("COMMITTED", 450, True)
    assert not (await first.bill(2, 460)).fresh
    await second.bill(3, 700)
    # A third one comes in its place.
    third = town.enter("gw-3")
    await town.live(2 * SILENCE, second, third)
    assert isinstance(await third.admit(5), Admitted)
    await third.bill(5, 90)
    assert town.fenced() == ["gw-1 by gw-2"]
    assert town.books() == {
        "ex_1": ("COMMITTED", 300, "exact"),
        "ex_2": ("COMMITTED", 450, "adjusted"),
        "ex_3": ("COMMITTED", 700, "exact"),
        "ex_5": ("COMMITTED", 90, "exact"),
    }


async def test_a_paused_gateway_wakes(town: Town) -> None:
    """It finds itself shut out, judges nobody, and those who stayed awake go on."""
    first, second, third = (town.enter(f"gw-{number}") for number in (1, 2, 3))
    await town.live(2, first, second, third)
    assert isinstance(await first.admit(1), Admitted)
    await town.live(2 * SILENCE, second, third)
    # Whoever else has died meanwhile is not for it to judge.
    await town.live(2 * SILENCE, third)
    await town.live(2 * SILENCE, first, third)
    assert town.fenced() == ["gw-1 by gw-2", "gw-2 by gw-3"]
    assert isinstance(await first.admit(2), Rejected)
    assert isinstance(await third.admit(3), Admitted)
    assert town.books()["ex_1"] == ("COMMITTED", RESERVE, "uncertain")


async def test_everybody_slept(town: Town) -> None:
    """After a pause of all, as when the ledger was away, nobody is taken for lost."""
    first, second = town.enter("gw-1"), town.enter("gw-2")
    await town.live(3, first, second)
    assert isinstance(await first.admit(1), Admitted)
    for beats in (SILENCE, 10 * SILENCE, SILENCE // 2 + 1):
        await town.live(beats)
        await town.live(1, first, second)
        await town.live(1, second, first)
    await town.live(SILENCE, first, second)
    assert town.fenced() == []
    assert (await first.bill(1, 5)).actual_nanousd == 5


async def test_a_judgement_that_comes_late(town: Town) -> None:
    """Who fell asleep between judgement and act, and was shut out meanwhile, shuts nobody out."""
    first, second = town.enter("gw-1"), town.enter("gw-2")
    await town.live(1, first, second)
    assert isinstance(await second.admit(1), Admitted)
    await town.live(SILENCE, second)
    assert town.fenced() == ["gw-1 by gw-2"]
    # It had judged long ago.
    await first.leases._recover("gw-2")
    assert await first.books.drained(30)
    assert town.fenced() == ["gw-1 by gw-2"]
    assert town.books()["ex_1"][0] == "DISPATCHED"
    assert isinstance(await second.admit(2), Admitted)


async def test_two_judge_each_other_at_the_same_instant(town: Town) -> None:
    """Whatever their order, one of the two is shut out, and the other serves on."""
    for number in range(6):
        pair = [town.enter(f"gw-{number}-{part}") for part in "ab"]
        others = [gateway.name for gateway in reversed(pair)]
        for gateway in pair:
            assert isinstance(
                await gateway.admit(int(f"{number}{gateway.name == others[0]:d}")), Admitted
            )
        await asyncio.gather(
            *(one.leases._recover(other) for one, other in zip(pair, others, strict=True))
        )
        for gateway in pair:
            assert await gateway.books.drained(30)
        outcomes = [await gateway.admit(10 * number + 5 + at) for at, gateway in enumerate(pair)]
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Admitted", "Rejected"]
        assert len(town.fenced()) == number + 1
    states = [state for state, _, _ in town.books().values()]
    assert states.count("COMMITTED") == 6
    assert states.count("DISPATCHED") == 12


async def test_who_died_before_the_first_beat(town: Town) -> None:
    """A gateway that got a call and never beat is watched for it, and taken for lost in time."""
    first, second = town.enter("gw-1"), town.enter("gw-2")
    assert isinstance(await first.admit(1), Admitted)
    await town.live(SILENCE, second)
    assert (town.fenced(), town.books()["ex_1"][0]) == ([], "DISPATCHED")
    await town.live(1, second)
    assert town.fenced() == ["gw-1 by gw-2"]
    assert town.books()["ex_1"] == ("COMMITTED", RESERVE, "uncertain")


async def test_who_shut_out_died_before_it_settled(town: Town) -> None:
    """What was left open by a gateway that is shut out already is settled by another."""
    first, second, third = (town.enter(f"gw-{number}") for number in (1, 2, 3))
    await town.live(1, first, second, third)
    assert isinstance(await first.admit(1), Admitted)
    assert isinstance(await second.books.settle(Fence("gw-1", "lost", by="gw-2")), Done)
    await town.live(SILENCE, third)
    assert town.books()["ex_1"] == ("DISPATCHED", 0, "")
    await town.live(1, third)
    assert town.books()["ex_1"] == ("COMMITTED", RESERVE, "uncertain")
    assert town.fenced() == ["gw-1 by gw-2", "gw-2 by gw-3"]


async def test_fences_by_nobody_shut_out_both(town: Town) -> None:
    """The control: two fences that no gateway answers for leave none."""
    pair = [town.enter(f"gw-{number}") for number in (1, 2)]
    for gateway, other in zip(pair, reversed(pair), strict=True):
        assert isinstance(await gateway.books.settle(Fence(other.name, "lost")), Done)
    outcomes = [await gateway.admit(number) for number, gateway in enumerate(pair)]
    assert [type(outcome).__name__ for outcome in outcomes] == ["Rejected", "Rejected"]


@pytest.mark.parametrize("seed", range(8))
async def test_any_coming_and_going(tmp_path: Path, seed: int) -> None:
    """Gateways sleep, wake, die and come in any order; calls end once, nobody awake is shut out."""
    dice = random.Random(seed)
    async with founded("sqlite:///ledger.db", tmp_path) as town:
        awake = [town.enter(f"gw-{number}") for number in range(3)]
        asleep: list[Gateway] = []
        under_way: list[tuple[Gateway, int]] = []
        for number in range(60):
            if len(awake) > 1 and dice.random() < 0.15:
                asleep.append(awake.pop(dice.randrange(len(awake))))
            if asleep and dice.random() < 0.1:
                awake.append(asleep.pop(dice.randrange(len(asleep))))
            if dice.random() < 0.05:
                awake.append(town.enter(f"gw-{len(town.gateways)}"))
            dice.shuffle(awake)
            await town.live(1, *awake)
            gone = {line.partition(" ")[0] for line in town.fenced()}
            awake = [gateway for gateway in awake if gateway.name not in gone]
            if not awake:
                awake.append(town.enter(f"gw-{len(town.gateways)}"))
            gateway = dice.choice(awake)
            assert isinstance(await gateway.admit(number), Admitted)
            under_way.append((gateway, number))
            owner, ended = dice.choice(under_way)
            if owner in awake or dice.random() < 0.3:
                await owner.bill(ended, 7)
                under_way.remove((owner, ended))
        survivor = awake[0]
        await town.live(3 * SILENCE, survivor)
        for gateway, number in under_way:
            if gateway is survivor:
                await survivor.bill(number, 7)
        assert {state for state, _, _ in town.books().values()} == {"COMMITTED"}
        assert all(f"{survivor.name} by" not in line for line in town.fenced())
