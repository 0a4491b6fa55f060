"""The SQL of the projections, built once from the row types.

Owns: statements that load, insert and upsert a row, and rows to parameters and back.
Refuses to know: when they run (loading.py, writing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ledger.engine_postgres import PostgresEngine
from ledger.engine_sqlite import SqliteEngine
from ledger.events import storable
from ledger.state import (
    Agent,
    Answer,
    Binding,
    Bulk,
    Execution,
    Reservation,
    Token,
    ToolPlugin,
    columns,
)

type AnyEngine = SqliteEngine | PostgresEngine


class Tables:
    """All projections, as the store loads and writes them."""

    def __init__(self, keys: str) -> None:
        self.agents = Table("agents", Agent, "name", keys)
        self.tokens = Table("tokens", Token, "token_hash", keys)
        self.tokens_of = Table("tokens", Token, "agent", keys)
        self.executions = Table("executions", Execution, "execution_id", keys)
        self.reservations = Table("reservations", Reservation, "seq", keys)
        self.bindings = Table("idempotency", Binding, "agent, key_hash", keys)
        self.bindings_of = Table("idempotency", Binding, "key_hash", keys)
        self.answers = Table("answers", Answer, "execution_id", keys)
        self.bulks = Table("bulks", Bulk, "ref", keys)
        self.bulks_by_results = Table("bulks", Bulk, "results", keys)
        self.tools = Table("tool_plugins", ToolPlugin, "name", keys)


class ByKeys:
    """A query for the rows that have one of some keys in a column, with which it ends."""

    def __init__(self, select: str, in_keys: str) -> None:
        self.of_many = f"{select} {in_keys}"
        self.of_one = f"{select} = ?"

    def rows(self, engine: AnyEngine, keys: Iterable[str]) -> list[tuple[Any, ...]]:
        """The rows; no query where there are no keys."""
        wanted = list(keys)
        if not wanted:
            return []
        if len(wanted) == 1:
            # Not through `keys`, which costs as much again.
            return engine.rows(self.of_one, wanted) if storable(wanted[0]) else []
        return engine.rows(self.of_many, (engine.keys(wanted),))


class Table[R]:
    """One projection, by one of its columns."""

    def __init__(self, name: str, row: type[R], key: str, in_keys: str) -> None:
        names = columns(row)
        self.make: Callable[..., R] = row
        listed = ", ".join(names)
        marks = ", ".join("?" * len(names))
        updates = ", ".join(f"{column} = excluded.{column}" for column in names)
        self._query = ByKeys(f"SELECT {listed} FROM {name} WHERE {key}", in_keys)  # noqa: S608
        self.insert = f"INSERT INTO {name} ({listed}) VALUES ({marks})"  # noqa: S608
        self.upsert = f"{self.insert} ON CONFLICT ({key}) DO UPDATE SET {updates}"

    def fetch(self, engine: AnyEngine, keys: Iterable[str]) -> list[R]:
        """The rows with these keys; no query where there are none."""
        make = self.make
        return [make(*row) for row in self._query.rows(engine, keys)]
