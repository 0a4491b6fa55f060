"""SQLite embedded, through apsw: one file, one writer at a time.

Owns: pragmas, the write lock, the check that the file is still the one that was opened.
Refuses to know: what engine.py says of all engines, rows, commands.

SQLite runs in WAL with synchronous=FULL: what was acknowledged survives a loss of power. apsw
brings its own SQLite because Python's may carry the WAL-reset bug (fixed in 3.51.3).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import peewee
from playhouse.apsw_ext import APSWDatabase

from ledger.errors import LedgerBusy, LedgerError, LedgerUnavailable

Row = tuple[Any, ...]
_PAUSE_S = 0.01
# What people can do about a failure, by its kind.
_REMEDIES: dict[type[BaseException], str] = {
    apsw.FullError: "make room on its disk",
    apsw.IOError: "see whether its disk is full (`df`) or failing",
    apsw.CantOpenError: "its folder must be there and writable: SQLite keeps files beside it",
    apsw.ReadOnlyError: "its folder must be there and writable: SQLite keeps files beside it",
    apsw.NotADBError: "put a copy back: `aex ledger restore FILE --reason TEXT`",
    apsw.CorruptError: "put a copy back: `aex ledger restore FILE --reason TEXT`",
}
_FAILURES = (apsw.Error, peewee.PeeweeException, UnicodeDecodeError)


class SqliteEngine:
    """The embedded ledger: one file, one writer at a time."""

    blocking = False
    in_keys = "IN (SELECT value FROM json_each(?))"

    def __init__(self, path: Path, busy_timeout_ms: int, read_only: bool = False) -> None:
        self.path = path
        flags = (
            apsw.SQLITE_OPEN_READONLY
            if read_only
            else (apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        )
        pragmas = {} if read_only else {"journal_mode": "wal", "synchronous": "full"}
        self.db = APSWDatabase(
            str(path), timeout=busy_timeout_ms / 1000, pragmas=pragmas, flags=flags
        )
        if not read_only:
            # What agents do and spend is for its owner only; SQLite's own files follow this one.
            with suppress(OSError):
                path.touch(mode=0o600, exist_ok=False)
        self._connection: apsw.Connection = self._connect(busy_timeout_ms)
        self._inode = path.stat().st_ino

    def _connect(self, patience_ms: int) -> apsw.Connection:
        # SQLite waits for locks itself, but not where two that open a new file both switch it
        # to WAL.
        deadline = time.monotonic_ns() + patience_ms * 1_000_000
        while True:
            try:
                with sqlite_errors():
                    self.db.connect()
                    connection: apsw.Connection = self.db.connection()
                    # SQLite opens the file only when something is asked of it.
                    connection.execute("PRAGMA schema_version").fetchall()
                    return connection
            except LedgerBusy:
                if time.monotonic_ns() >= deadline:
                    raise
                time.sleep(_PAUSE_S)
            except LedgerUnavailable as error:
                raise LedgerUnavailable(f"cannot open the ledger {self.path}: {error}") from error

    def errors(self) -> AbstractContextManager[None]:
        return sqlite_errors()

    def snapshot(self) -> Any:
        return self.db.atomic()

    def begin(self) -> None:
        self._check_file()
        self.rows("BEGIN IMMEDIATE")

    def _check_file(self) -> None:
        # An open file that was deleted or replaced still takes writes, and loses them all.
        try:
            found = self.path.stat().st_ino
        except OSError as error:
            raise LedgerUnavailable(f"the ledger file is gone: {error}") from error
        if found != self._inode:
            raise LedgerUnavailable(
                f"the ledger file {self.path} was replaced; restart AEX to open the new one"
            )

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        # Tried here and not in `sqlite_errors`: the hot path asks a dozen times a batch.
        try:
            return self._connection.execute(sql, tuple(params)).fetchall()
        except _FAILURES as error:
            raise _translated(error) from error

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        try:
            before = self._connection.total_changes()
            self._connection.executemany(sql, rows)
            return self._connection.total_changes() - before
        except _FAILURES as error:
            raise _translated(error) from error

    def commit(self) -> None:
        self.rows("COMMIT")

    def rollback(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            # The transaction is gone with the connection; the next begin() shows what is wrong.
            return

    def keys(self, values: Iterable[str]) -> Any:
        return json.dumps(list(values))

    def close(self) -> None:
        self.db.close()
        # The database object closes its own thread's connection only.
        self._connection.close()


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """A context in which the errors of apsw and Peewee become those of the ledger."""
    try:
        yield
    except _FAILURES as error:
        raise _translated(error) from error


def _translated(error: BaseException) -> LedgerError:
    # Peewee wraps what the driver raised.
    wrapped = isinstance(error, peewee.PeeweeException) and error.__context__
    cause = wrapped or error
    if isinstance(cause, apsw.BusyError):
        return LedgerBusy(f"another process is writing to the ledger ({cause}); try again")
    remedy = _REMEDIES.get(type(cause))
    said = f"SQLite: {type(cause).__name__}: {cause}"
    return LedgerUnavailable(f"{said}; {remedy}" if remedy else said)
