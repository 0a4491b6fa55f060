"""Commands of many flows become few transactions, and no settlement is ever lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from aex_addon import books as books_module
from aex_addon.books import BATCH_MAX, Books
from ledger.admin_commands import Command
from ledger.commands import Admit, Commit, Quote, Release
from ledger.errors import CommitUnknown, IntegrityBroken, LedgerBusy, LedgerUnavailable
from ledger.outcomes import Admitted, Outcome, Settled

LONG_S = 30.0


def admit(number: int = 0, reserve: int = 5) -> Admit:
    facts = (f"ex_{number}", "hash", None, "gw", "proxy", "openai", "m", "/v1/x", False, "f")
    return Admit(*facts, Quote(reserve), 1, True)


def commit(number: int = 0) -> Commit:
    return Commit(f"ex_{number}", 3, 200, None, "provider", "exact")


class FakeStore:
    """Does what `script` says for each batch in turn, then stores everything."""

    def __init__(self, *script: Exception | None, blocking: bool = False) -> None:
        self.engine = SimpleNamespace(blocking=blocking)
        self.script = list(script)
        self.batches: list[list[Command]] = []
        self.threads: set[int] = set()
        self.stored: list[Command] = []
        self.poison: Command | None = None

    def execute(self, commands: Sequence[Command]) -> list[Outcome]:
        self.batches.append(list(commands))
        self.threads.add(threading.get_ident())
        error = self.script.pop(0) if self.script else None
        if error:
            raise error
        assert self.poison not in commands, "a command that cannot be carried out"
        self.stored += commands
        return [self._outcome(command) for command in commands]

    def _outcome(self, command: Any) -> Outcome:
        if isinstance(command, Admit):
            return Admitted(command.execution_id, "bot", 5, 0)
        return Settled(command.execution_id, "COMMITTED", 3, fresh=True)

    def close(self) -> None:
        pass


async def opened(store: Any) -> Books:
    return Books(store, asyncio.get_running_loop())


@pytest.mark.parametrize("blocking", [False, True])
async def test_what_comes_together_is_stored_together(blocking: bool) -> None:
    """Commands of one turn of the loop share a transaction and are answered in their order."""
    store = FakeStore(blocking=blocking)
    books = await opened(store)
    outcomes = await asyncio.gather(*(books.admit(admit(n)) for n in range(20)))
    assert [outcome.execution_id for outcome in outcomes] == [f"ex_{n}" for n in range(20)]
    assert len(store.batches) == 1
    assert (threading.get_ident() in store.threads) is not blocking
    books.close()


async def test_a_batch_has_a_limit() -> None:
    """What exceeds it comes in the next one."""
    store = FakeStore()
    books = await opened(store)
    await asyncio.gather(*(books.admit(admit(n)) for n in range(BATCH_MAX + 1)))
    assert [len(batch) for batch in store.batches] == [BATCH_MAX, 1]
    assert books.backlog == 0


async def test_a_busy_ledger_is_asked_again() -> None:
    """Busy delays admission and settlement, in their order, and loses neither."""
    store = FakeStore(LedgerBusy(), LedgerBusy(), LedgerBusy())
    books = await opened(store)
    settling = books.settle(commit(1))
    assert isinstance(await books.admit(admit(2)), Admitted)
    assert settling.done()
    assert [type(command) for command in store.stored] == [Commit, Admit]


async def test_the_loop_goes_on_while_the_ledger_is_busy() -> None:
    """Waiting for another writer blocks nothing else."""
    store = FakeStore(*[LedgerBusy() for _ in range(5)])
    books = await opened(store)
    turns = 0
    settling = books.settle(commit())
    while not settling.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 5


async def test_an_admission_s_patience_ends() -> None:
    """An admission is given up after its patience; a settlement handed in with it never is."""
    store = FakeStore(*[LedgerBusy() for _ in range(6)])
    books = await opened(store)
    settling = books.settle(commit(1))
    with pytest.raises(LedgerBusy):
        await books.admit(admit(2), patience_s=0.001)
    assert isinstance(await settling, Settled)
    assert store.stored == [commit(1)]


@pytest.mark.parametrize(
    "error", [LedgerUnavailable("the disk is full"), IntegrityBroken("no head")]
)
async def test_a_ledger_that_is_away(error: Exception) -> None:
    """Admissions are refused at once; settlements are kept until the ledger is back."""
    store = FakeStore(error, error, error)
    books = await opened(store)
    settling = [books.settle(commit(n)) for n in range(3)]
    with pytest.raises(type(error)):
        await books.admit(admit(9), patience_s=LONG_S)
    assert len(store.batches) == 1
    assert not any(future.done() for future in settling)
    assert await books.drained(LONG_S)
    assert store.stored == [commit(n) for n in range(3)]


async def test_a_lone_settlement_outlives_every_ledger_error() -> None:
    """Also alone in its batch a settlement is tried again, whatever the ledger's trouble."""
    store = FakeStore(IntegrityBroken("x"), LedgerUnavailable("x"), CommitUnknown("x"))
    books = await opened(store)
    assert isinstance(await books.settle(commit()), Settled)


async def test_a_commit_that_may_have_happened() -> None:
    """The abandoned admission is released, in case it stands in the books after all."""
    store = FakeStore(CommitUnknown("the disk went away"))
    books = await opened(store)
    settling = books.settle(commit(1))
    with pytest.raises(CommitUnknown):
        await books.admit(admit(2))
    assert await books.drained(LONG_S)
    assert settling.done()
    first, second = store.stored
    assert first == commit(1)
    assert isinstance(second, Release)
    assert second.execution_id == "ex_2"


@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("blocking", [False, True])
async def test_one_poisoned_command(
    place: int, blocking: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A command that cannot be carried out fails alone; the others of its batch are stored."""
    store = FakeStore(blocking=blocking)
    store.poison = admit(place)
    books = await opened(store)
    waiting = [books.admit(admit(n)) for n in range(6)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, AssertionError)]
    assert failed == [place]
    assert store.stored == [admit(n) for n in range(6) if n != place]
    assert "the ledger refused Admit" in caplog.text
    assert threading.get_ident() not in store.threads or not blocking
    await asyncio.gather(*(books.admit(admit(n)) for n in range(10, 14)))
    assert len(store.batches[-1]) == 4
    books.close()


@pytest.mark.parametrize("poisoned", [False, True])
async def test_a_waiter_that_went_away(poisoned: bool) -> None:
    """The hold of an admission that nobody waits for any more is released, alone or not."""
    store = FakeStore()
    books = await opened(store)
    others = [books.settle(commit(1))]
    if poisoned:
        store.poison = commit(2)
        others.append(books.settle(commit(2)))
    waiting = asyncio.ensure_future(books.admit(admit(7)))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await books.drained(LONG_S)
    await asyncio.gather(*others, return_exceptions=True)
    assert [type(command) for command in store.stored] == [Commit, Admit, Release]


async def test_drained() -> None:
    """It tells whether everything is durable, and does not wait longer than it may."""
    store = FakeStore(*[LedgerBusy() for _ in range(50)])
    books = await opened(store)
    assert await books.drained(0)
    books.settle(commit())
    assert not await books.drained(0.01)
    store.script.clear()
    assert await books.drained(LONG_S)
    assert (books.backlog, store.stored) == (0, [commit()])


async def test_the_pace_of_trying_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is twice the one before, to a limit, and short again after a success."""
    monkeypatch.setattr(books_module, "_RETRY_LAST_S", 0.008)
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    later = loop.call_later

    def noted(delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
        waits.append(delay)
        return later(0, callback, *args)

    monkeypatch.setattr(loop, "call_later", noted)
    books = await opened(FakeStore(*[LedgerBusy() for _ in range(5)], None, LedgerBusy()))
    await books.settle(commit(1))
    await books.settle(commit(2))
    assert waits == [0.002, 0.004, 0.008, 0.008, 0.008, 0.002]
