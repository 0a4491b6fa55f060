"""The SQL of the projections, built once from the row types.

Owns: statements that load, insert and upsert a row, and rows to parameters and back.
Refuses to know: when they run (loading.py, writing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from ledger.engine_postgres import PostgresEngine
from ledger.engine_sqlite import SqliteEngine
from ledger.state import columns

type AnyEngine = SqliteEngine | PostgresEngine


class Table[R]:
    """One projection, by one of its columns."""

    def __init__(self, name: str, row: type[R], key: str, in_keys: str) -> None:
        names = columns(row)
        self.make: Callable[..., R] = row
        self.values: Callable[[R], tuple[Any, ...]] = attrgetter(*names)
        listed = ", ".join(names)
        marks = ", ".join("?" * len(names))
        updates = ", ".join(f"{column} = excluded.{column}" for column in names)
        self.load = f"SELECT {listed} FROM {name} WHERE {key} {in_keys}"  # noqa: S608
        self.insert = f"INSERT INTO {name} ({listed}) VALUES ({marks})"  # noqa: S608
        self.upsert = f"{self.insert} ON CONFLICT ({key}) DO UPDATE SET {updates}"

    def fetch(self, engine: AnyEngine, keys: Iterable[str], sql: str | None = None) -> list[R]:
        """The rows with these keys; no query where there are none."""
        wanted = list(keys)
        if not wanted:
            return []
        rows = engine.rows(sql or self.load, (engine.keys(wanted),))
        return [self.make(*row) for row in rows]
