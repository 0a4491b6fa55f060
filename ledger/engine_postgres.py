"""PostgreSQL, through psycopg: many gateways on one ledger.

Owns: its connection, and reconnecting after it was lost.
Refuses to know: what engine.py says of all engines, rows, commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import peewee

from ledger.errors import LedgerBusy, LedgerError, LedgerUnavailable
from ledger.events import storable

Row = tuple[Any, ...]


class PostgresEngine:
    """A ledger that many gateways share. The head row's lock makes writers take turns."""

    blocking = True
    in_keys = "= ANY(?)"

    def __init__(self, url: str, read_only: bool = False) -> None:
        try:
            import psycopg
        except ImportError:
            raise LedgerError(
                "a postgresql:// ledger needs the extra: pip install 'aex[postgres]'"
            ) from None
        self._driver = psycopg
        self._url = url.replace("postgres://", "postgresql://", 1)
        self._options: dict[str, Any] = {}
        self._statements: dict[str, str] = {}
        with self.errors():
            if read_only:
                given = psycopg.conninfo.conninfo_to_dict(self._url).get("options") or ""
                self._options = {"options": f"{given} -c default_transaction_read_only=on"}
            self.db = peewee.PostgresqlDatabase(self._url, prefer_psycopg3=True, **self._options)
            self._connection = self._connect()

    def _connect(self) -> Any:
        connection = self._driver.connect(self._url, **self._options)
        # With a stricter default of the server, the second of two waiting writers would fail.
        connection.isolation_level = self._driver.IsolationLevel.READ_COMMITTED
        return connection

    def snapshot(self) -> Any:
        return self.db.atomic("REPEATABLE READ")

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.errors.LockNotAvailable as error:
            raise LedgerBusy(
                f"another process is writing to the ledger ({error}); try again"
            ) from error
        except (self._driver.Error, peewee.PeeweeException) as error:
            # libpq breaks its sentences into lines.
            raise LedgerUnavailable(f"PostgreSQL: {' '.join(str(error).split())}") from error

    def _sql(self, sql: str) -> str:
        prepared = self._statements.get(sql)
        if prepared is None:
            prepared = self._statements[sql] = sql.replace("%", "%%").replace("?", "%s")
        return prepared

    def begin(self) -> None:
        try:
            with self.errors():
                if self._connection.closed:
                    self._connection = self._connect()
                self._connection.execute("SELECT seq FROM ledger_head WHERE id = 1 FOR UPDATE")
        except LedgerError:
            # A failed statement leaves a transaction that refuses everything but its end.
            self.rollback()
            raise

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        with self.errors():
            cursor = self._connection.execute(self._sql(sql), tuple(params))
            return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        with self.errors(), self._connection.cursor() as cursor:
            cursor.executemany(self._sql(sql), list(rows))
            return int(cursor.rowcount)

    def commit(self) -> None:
        with self.errors():
            self._connection.commit()

    def rollback(self) -> None:
        try:
            self._connection.rollback()
        except self._driver.Error:
            self._connection.close()

    def keys(self, values: Iterable[str]) -> Any:
        # No row has a key that PostgreSQL cannot hold, and asking for one is an error.
        return [value for value in values if storable(value)]

    def close(self) -> None:
        self._connection.close()
        self.db.close()
