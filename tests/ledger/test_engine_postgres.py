"""Laws of the PostgreSQL engine: it comes back after a loss, and a failure leaves no half state."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.engine import connect
from ledger.engine_postgres import PostgresEngine
from ledger.errors import CommitUnknown, LedgerBusy, LedgerError, LedgerUnavailable
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import admit, commit, create, open_at

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    """A ledger with one agent, and a second connection to be rude to it from."""
    with closing(open_at(Path(), postgres_url)) as opened:
        opened.one(create())
        yield opened


@pytest.fixture
def other(store: Store, postgres_url: str) -> Iterator[PostgresEngine]:
    """Another client of the same database."""
    with closing(PostgresEngine(postgres_url)) as opened:
        yield opened


KILL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def kill(other: PostgresEngine) -> None:
    """Ends all other connections to the database."""
    assert other.rows(KILL)[0][0] > 0
    other.rollback()


def test_it_comes_back(store: Store, other: PostgresEngine) -> None:
    """After its connection was ended, one command fails and the next one works."""
    kill(other)
    with pytest.raises(LedgerUnavailable):
        store.one(admit("e1"))
    assert isinstance(store.one(admit("e1")), Admitted)


def test_a_loss_in_the_middle_undoes_the_batch(
    store: Store, other: PostgresEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends between two statements of a batch leaves nothing of it."""
    many, left = store.engine.many, 3

    def lost(sql: str, parameters: Any) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            kill(other)
        return many(sql, parameters)

    monkeypatch.setattr(store.engine, "many", lost)
    with pytest.raises(LedgerUnavailable):
        store.execute([admit("e1"), admit("e2")])
    with Reader(postgres_url, Path()) as reader:
        assert sound(reader)
        assert reader.executions() == []
    assert isinstance(store.one(admit("e1")), Admitted)


def test_a_commit_without_an_answer_is_unknown(
    store: Store, other: PostgresEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose answer is lost says so, and the settlement can safely be sent again."""
    store.one(admit("e1"))
    done = store.engine.commit

    def lost() -> None:
        done()
        kill(other)
        store.engine.rows("SELECT 1")

    monkeypatch.setattr(store.engine, "commit", lost)
    with pytest.raises(CommitUnknown):
        store.one(commit("e1", 5))
    monkeypatch.undo()
    assert store.one(commit("e1", 9)) == Settled("e1", "COMMITTED", 5, fresh=False)
    with Reader(postgres_url, Path()) as reader:
        assert [agent.spent_nanousd for agent in reader.agents()] == [5]


def test_a_refused_lock_is_busy_and_passes(store: Store, other: PostgresEngine) -> None:
    """A server that limits the wait for a lock makes the store busy, and nothing stays broken."""
    other.begin()
    store.engine.rows("SET lock_timeout = '10ms'")
    store.engine.commit()
    for _ in range(2):
        with pytest.raises(LedgerBusy):
            store.one(admit("e1"))
    other.rollback()
    assert isinstance(store.one(admit("e1")), Admitted)


def test_a_stricter_default_of_the_server_changes_nothing(
    store: Store, other: PostgresEngine, postgres_url: str
) -> None:
    """Two stores take turns also where the server's default isolation is serializable."""
    name = postgres_url.partition("@/")[2].partition("?")[0]
    other.rows(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    other.commit()
    with closing(open_at(Path(), postgres_url)) as second:
        assert isinstance(second.engine, PostgresEngine)
        second.engine.rows("SELECT count(*) FROM agents")
        store.one(admit("e1"))
        second.engine.begin()
        assert second.engine.rows("SELECT reserved_nanousd FROM agents") == [(100,)]
        second.engine.rollback()


def test_readers_leave_nothing_open(store: Store, other: PostgresEngine, postgres_url: str) -> None:
    """A reader at rest holds no transaction open, so that the server can clean up behind it."""
    with Reader(postgres_url, Path()) as reader:
        reader.agents()
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert other.rows(idle + " AND datname = current_database()") == [(0,)]


def test_a_reader_that_lost_its_connection_says_so(
    store: Store, other: PostgresEngine, postgres_url: str
) -> None:
    """Reading after the connection was ended is LedgerUnavailable, not an error of the driver."""
    with Reader(postgres_url, Path()) as reader:
        reader.agents()
        kill(other)
        with pytest.raises(LedgerUnavailable):
            reader.agents()


def test_both_spellings_of_the_scheme(postgres_url: str) -> None:
    """postgres:// is postgresql://, for writing and for reading."""
    short = postgres_url.replace("postgresql://", "postgres://")
    with closing(open_at(Path(), short)) as store:
        store.one(create())
    with Reader(short, Path()) as reader:
        assert [agent.name for agent in reader.agents()] == ["alice"]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """A server that cannot be reached is LedgerUnavailable, with the driver's words on one line."""
    with pytest.raises(LedgerUnavailable, match="PostgreSQL: ") as refused:
        connect(f"postgresql://postgres@/aex?host={tmp_path}", tmp_path)
    assert str(refused.value).isprintable()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the driver the error says what to install."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LedgerError, match=r"pip install 'aex\[postgres\]'"):
        connect("postgresql://localhost/aex", tmp_path)
