"""Engines: SQLite embedded (apsw) and PostgreSQL, behind one narrow set of verbs.

Owns: connecting, pragmas, transactions, migrations, and turning each driver's errors into the
two that callers act on: LedgerBusy (nothing begun, try again) and LedgerUnavailable.
Refuses to know: rows, commands, the kernel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ledger.engine_postgres import PostgresEngine
from ledger.engine_sqlite import SqliteEngine
from ledger.errors import LedgerError, LedgerUnavailable, SchemaTooNew
from ledger.schema import MIGRATIONS, VERSION

Row = tuple[Any, ...]


class Engine(Protocol):
    """What store.py and read.py need of a database."""

    db: Any
    blocking: bool
    in_keys: str

    def errors(self) -> AbstractContextManager[None]:
        """A context in which the driver's errors become LedgerBusy and LedgerUnavailable."""
        ...

    def snapshot(self) -> Any:
        """A context in which all queries through `db` see the books at one moment."""
        ...

    def begin(self) -> None:
        """Starts a transaction that alone may write. Raises LedgerBusy."""
        ...

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query. Placeholders are `?`."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Runs a statement for each row; the number of rows changed."""
        ...

    def commit(self) -> None:
        """Makes the transaction durable."""
        ...

    def rollback(self) -> None:
        """Forgets the transaction; never raises."""
        ...

    def keys(self, values: Iterable[str]) -> Any:
        """A parameter for `in_keys`, the engine's "is one of these" clause."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...


def connect(
    url: str, base: Path, busy_timeout_ms: int = 5000, read_only: bool = False
) -> SqliteEngine | PostgresEngine:
    """Opens `sqlite:///relative.db` (to `base`), `sqlite:////absolute.db` or `postgresql://…`.

    Does not create or migrate tables: see `migrate`. Raises LedgerError with the reason.
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite" and url.startswith("sqlite:///"):
        path = base / url.removeprefix("sqlite:///")
        if read_only and not path.exists():
            raise LedgerUnavailable(f"there is no ledger at {path}; `aex init` makes one")
        return SqliteEngine(path, busy_timeout_ms, read_only)
    if scheme in ("postgresql", "postgres"):
        return PostgresEngine(url, read_only)
    raise LedgerError(
        f"ledger = {url!r} is neither sqlite:///FILE nor postgresql://USER@HOST/DATABASE"
    )


def schema_version(engine: SqliteEngine | PostgresEngine) -> int:
    """The number of the newest migration that was applied; 0 for an empty database."""
    if isinstance(engine, SqliteEngine):
        return int(engine.rows("PRAGMA user_version")[0][0])
    if engine.rows("SELECT to_regclass('schema_version')")[0][0] is None:
        return 0
    return int(engine.rows("SELECT max(version) FROM schema_version")[0][0])


def refuse_newer(version: int) -> None:
    """Raises SchemaTooNew where a newer AEX has written the ledger."""
    if version > VERSION:
        raise SchemaTooNew(
            f"the ledger has schema {version}, this AEX knows {VERSION}; upgrade AEX to open it"
        )


def migrate(engine: SqliteEngine | PostgresEngine) -> int:
    """Brings the schema up to this program's version, in one transaction; the old version.

    Raises SchemaTooNew where a newer AEX has written the ledger.
    """
    old = schema_version(engine)
    engine.rollback()
    refuse_newer(old)
    if old == VERSION:
        return old
    try:
        if isinstance(engine, SqliteEngine):
            _migrate_sqlite(engine)
        else:
            _migrate_postgres(engine)
        engine.commit()
    except BaseException:
        engine.rollback()
        raise
    return old


def _migrate_sqlite(engine: SqliteEngine) -> None:
    engine.begin()
    # Another process may have migrated while this one waited for the lock.
    applied = schema_version(engine)
    refuse_newer(applied)
    for migration in MIGRATIONS[applied:]:
        for statement in migration.sqlite:
            engine.rows(statement)
    engine.rows(f"PRAGMA user_version = {VERSION}")


def _migrate_postgres(engine: PostgresEngine) -> None:
    engine.rows("SELECT pg_advisory_xact_lock(?)", (0x414558,))
    engine.rows("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)")
    applied = int(engine.rows("SELECT coalesce(max(version), 0) FROM schema_version")[0][0])
    refuse_newer(applied)
    for migration in MIGRATIONS[applied:]:
        for statement in migration.postgres:
            engine.rows(statement)
        engine.rows("INSERT INTO schema_version VALUES (?)", (migration.version,))
