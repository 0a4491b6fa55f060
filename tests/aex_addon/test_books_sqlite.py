"""Books over a real SQLite ledger: the same promises, with locks and files that are real."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from aex_addon.books import Books
from ledger.admin_commands import CreateAgent
from ledger.errors import LedgerBusy
from ledger.opening import open_store
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from tests.aex_addon.test_books import LONG_S, admit, commit

URL = "sqlite:///ledger.db"


def opened(folder: Path) -> Books:
    store = open_store(URL, folder, ledger_id="a" * 32, version="1", busy_timeout_ms=0)
    store.one(CreateAgent("bot", 100, 0, 0, "test", "hash", "tok"))
    return Books(store, asyncio.get_running_loop())


async def test_a_real_ledger_under_a_lock(tmp_path: Path) -> None:
    """While another process holds the lock nothing is lost or blocked; afterwards all is stored."""
    books = opened(tmp_path)
    assert isinstance(await books.admit(admit(1)), Admitted)
    # Of the same SQLite library: two of them in one process do not see each other's locks.
    other = apsw.Connection(str(tmp_path / "ledger.db"))
    other.execute("BEGIN IMMEDIATE")
    settling = books.settle(commit(1))
    with pytest.raises(LedgerBusy):
        await books.admit(admit(2), patience_s=0.01)
    assert not settling.done()
    other.close()
    assert await books.drained(LONG_S)
    assert isinstance(await settling, Settled)
    books.close()
    with Reader(URL, tmp_path) as reader:
        (agent,) = reader.agents()
        assert (agent.spent_nanousd, agent.reserved_nanousd) == (3, 0)
        assert [row.state for row in reader.executions()] == ["COMMITTED"]


async def test_a_real_ledger_that_lost_a_waiter(tmp_path: Path) -> None:
    """A cancelled admission leaves no hold in the books."""
    books = opened(tmp_path)
    waiting = asyncio.ensure_future(books.admit(admit(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await books.drained(LONG_S)
    books.close()
    with Reader(URL, tmp_path) as reader:
        assert reader.agents()[0].reserved_nanousd == 0
        assert [row.state for row in reader.executions()] == ["RELEASED"]
