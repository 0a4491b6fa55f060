"""aex_addon/leases.py: who lives, who is lost, and what happens to what the lost left open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aex_addon.books import Books
from aex_addon.leases import Leases, Watch
from ledger.admin_commands import CreateAgent
from ledger.commands import Admit, Commit, Quote
from ledger.opening import open_store
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from ledger.store import Store

URL = "sqlite:///ledger.db"


def looks(watch: Watch, beats: dict[str, int], first: int, last: int) -> list[list[str]]:
    """Who is lost, at a look every five seconds from the first second to the last."""
    return [watch.lost(beats, second) for second in range(first, last + 1, 5)]


def test_a_beat_that_stands_still_for_a_lease_is_lost() -> None:
    """Only a whole lease without a beat counts, by the watcher's own clock."""
    watch = Watch("own", lease_s=30)
    assert looks(watch, {"other": 1}, 0, 25) == [[]] * 6
    assert looks(watch, {"other": 2}, 30, 55) == [[]] * 6
    assert watch.lost({"other": 2}, 59.9) == []
    assert watch.lost({"other": 2}, 60) == ["other"]
    assert watch.lost({"other": 2}, 65) == ["other"]


def test_a_gateway_never_takes_itself_for_lost() -> None:
    """However long the own beat stands still, that is for others to judge."""
    assert looks(Watch("own", lease_s=30), {"own": 1}, 0, 100) == [[]] * 21


def test_who_was_fenced_is_forgotten() -> None:
    """A name that is no longer listed begins anew if it comes back."""
    watch = Watch("own", lease_s=30)
    looks(watch, {"other": 1}, 0, 10)
    looks(watch, {}, 15, 20)
    assert looks(watch, {"other": 1}, 25, 50) == [[]] * 6
    assert watch.lost({"other": 1}, 55) == ["other"]


@pytest.mark.parametrize("gap", [16, 29, 31, 1_000])
def test_who_did_not_look_does_not_judge(gap: int) -> None:
    """After a gap in its own looks a watcher gives everybody a whole lease again."""
    watch = Watch("own", lease_s=30)
    looks(watch, {"other": 1}, 0, 25)
    woken = 25 + gap
    assert looks(watch, {"other": 1}, woken, woken + 25) == [[]] * 6
    assert watch.lost({"other": 1}, woken + 30) == ["other"]


def opened(folder: Path) -> Store:
    return open_store(URL, folder, ledger_id="l", version="v", busy_timeout_ms=0)


def call(number: int, gateway: str) -> Admit:
    return Admit(
        *(f"ex_{number}", "hash", None, gateway, "proxy", "openai", "m", "/v1", False, "f"),
        *(Quote(1000), 5, True),
    )


def test_a_lost_gateways_calls_are_settled_and_its_late_bill_lands(tmp_path: Path) -> None:
    """It is shut out, its open call is booked at the reserve, and the true bill corrects that."""

    async def main() -> None:
        store = opened(tmp_path)
        store.one(CreateAgent("bot", 10**9, 0, 0, "op", "hash", "tok"))
        store.beat("lost", 1)
        assert isinstance(store.one(call(1, "lost")), Admitted)
        books = Books(store, asyncio.get_running_loop())
        leases = Leases(books, "own", "charge")
        await leases._recover("lost")
        assert await books.drained(5)
        refused = await books.admit(call(2, "lost"))
        assert not isinstance(refused, Admitted)
        bill = Commit("ex_1", 400, 200, {"input_tokens": 1}, "provider", "exact")
        outcome = await books.settle(bill)
        assert isinstance(outcome, Settled)
        assert outcome.actual_nanousd == 400
        again = await books.settle(bill)
        assert isinstance(again, Settled)
        assert not again.fresh
        books.close()

    asyncio.run(main())
    with Reader(URL, tmp_path) as reader:
        execution = reader.execution("ex_1")
        agent = reader.agent("bot")
    assert execution is not None
    assert (execution.state, execution.actual_nanousd) == ("COMMITTED", 400)
    assert execution.certainty == "adjusted"
    assert agent is not None
    assert (agent.spent_nanousd, agent.reserved_nanousd) == (400, 0)


def test_a_running_gateway_beats(tmp_path: Path) -> None:
    """The first beat comes with the first moment, and registers the gateway."""

    async def main() -> dict[str, int]:
        store = opened(tmp_path)
        books = Books(store, asyncio.get_running_loop())
        leases = Leases(books, "own", "charge")
        await leases.go_round()
        leases.done()
        beats = store.beats()
        books.close()
        return beats

    assert asyncio.run(main()) == {"own": 1}
