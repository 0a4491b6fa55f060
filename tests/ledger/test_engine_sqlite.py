"""Laws of the SQLite engine: durable, closed to others, closed when it says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from ledger import engine_sqlite
from ledger.engine_sqlite import SqliteEngine
from ledger.errors import LedgerBusy, LedgerUnavailable


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    """A table of numbers."""
    with closing(SqliteEngine(tmp_path / "ledger.db", 5_000)) as opened:
        opened.rows("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
        yield opened


def test_the_library_has_no_wal_reset_bug() -> None:
    """The SQLite that is used is one in which the WAL-reset bug is fixed."""
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)


def test_what_is_committed_is_synced(engine: SqliteEngine) -> None:
    """The journal is a WAL, and every commit is synced to the disk."""
    assert engine.rows("PRAGMA journal_mode") == [("wal",)]
    assert engine.rows("PRAGMA synchronous") == [(2,)]


def test_the_modes_of_the_files(tmp_path: Path) -> None:
    """The ledger's files are readable and writable for their owner, whatever the umask is."""
    before = os.umask(0)
    try:
        with closing(SqliteEngine(tmp_path / "ledger.db", 5_000)) as engine:
            engine.rows("CREATE TABLE t (n)")
            modes = {file.stat().st_mode & 0o777 for file in tmp_path.glob("ledger.db*")}
    finally:
        os.umask(before)
    assert modes == {0o600}


@pytest.mark.parametrize(("free_after", "pauses"), [(3, 3), (4, 4), (99, 4)])
def test_a_new_file_that_another_makes_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_after: int, pauses: int
) -> None:
    """While another process makes the file its opening is tried again, until patience ends."""
    path, slept = tmp_path / "ledger.db", []
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN EXCLUSIVE; CREATE TABLE t (n)")

        def sleep(pause: float) -> None:
            slept.append(pause)
            if len(slept) == free_after:
                other.execute("COMMIT")

        # A millisecond passes between any two looks at the clock.
        ticks = count(step=1_000_000)
        clock = SimpleNamespace(sleep=sleep, monotonic_ns=lambda: next(ticks))
        monkeypatch.setattr(engine_sqlite, "time", clock)
        if free_after > pauses:
            with pytest.raises(LedgerBusy):
                SqliteEngine(path, 5)
        else:
            SqliteEngine(path, 5).close()
    assert len(slept) == pauses


def test_rows_changed_are_counted(engine: SqliteEngine) -> None:
    """The number of rows that a statement changed is told, over all its parameters."""
    assert engine.many("INSERT INTO t VALUES (?, ?)", [(n, "x") for n in range(5)]) == 5
    assert engine.many("UPDATE t SET text = 'y' WHERE n < ?", [(2,), (1,), (0,)]) == 3
    assert engine.many("UPDATE t SET text = 'y' WHERE n = ?", [(9,)]) == 0


@pytest.mark.parametrize("text", ["a", "Zürich ✓", "\0", "'; DROP TABLE t; --", '"', "\ud800"])
def test_keys_are_only_data(engine: SqliteEngine, text: str) -> None:
    """Any text can be asked for, and only what is equal is found."""
    if text.isprintable():
        engine.many("INSERT INTO t VALUES (1, ?)", [(text,)])
    engine.many("INSERT INTO t VALUES (2, ?)", [("other",)])
    sql = f"SELECT n FROM t WHERE text {engine.in_keys}"
    assert engine.rows(sql, (engine.keys([text]),)) == [(1,)] * text.isprintable()
    assert engine.rows(sql, (engine.keys([]),)) == []


def test_a_rollback_is_never_an_error(engine: SqliteEngine) -> None:
    """Rolling back works in a transaction, out of one, and after the end of the connection."""
    engine.begin()
    engine.rows("INSERT INTO t VALUES (1, 'x')")
    engine.rollback()
    engine.rollback()
    assert engine.rows("SELECT * FROM t") == []
    engine.close()
    engine.rollback()


def test_closing_closes_from_any_thread(engine: SqliteEngine) -> None:
    """A connection that another thread closes is closed, and its files are merged."""
    engine.rows("INSERT INTO t VALUES (1, 'x')")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(engine.close).result()
    with pytest.raises(LedgerUnavailable):
        engine.rows("SELECT 1")
    assert not engine.path.with_name("ledger.db-wal").exists()


@pytest.mark.parametrize(
    "sql", ["nonsense", "SELECT * FROM nowhere", "INSERT INTO t VALUES ('x', 1)"]
)
def test_errors_are_the_ledgers(engine: SqliteEngine, sql: str) -> None:
    """What SQLite refuses is LedgerUnavailable, with SQLite's own words."""
    with pytest.raises(LedgerUnavailable, match="SQLite: "):
        engine.rows(sql)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda path: path.write_bytes(b"no database" * 99), "aex ledger restore FILE"),
        (lambda path: path.mkdir(), "writable|disk is full"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_cannot_be_opened(
    tmp_path: Path, make: Callable[[Path], object], remedy: str, read_only: bool
) -> None:
    """It is named when it is opened, for readers too, with what mends it."""
    path = tmp_path / "ledger.db"
    make(path)
    with pytest.raises(LedgerUnavailable, match=f"cannot open the ledger {path}: .*; .*({remedy})"):
        SqliteEngine(path, 0, read_only)


def test_text_that_is_no_text_is_told(engine: SqliteEngine) -> None:
    """Bytes that are no UTF-8 in a column of text are an error of the ledger."""
    engine.rows("INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT))")
    with pytest.raises(LedgerUnavailable, match="UnicodeDecodeError"):
        engine.rows("SELECT text FROM t")
