"""A bystander: holds a SQLite ledger against the fold of its log, event by event.

Owns: a connection of its own, that reads rows as they lie in the file with SQL of its own, so
that neither the store nor the reader can hide a mistake of the other; and it is quick enough to
look after every step of a long history.
Refuses to know: which history it is, what the rows should say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import apsw

from ledger.chain import Link
from ledger.events import Event
from ledger.evolve import evolve, fold
from ledger.state import Agent, Answer, Binding, Execution, Reservation, State, Token, columns
from ledger.tree import Tree

_LOG = (
    "SELECT seq, version, time_ns, agent, execution_id, type, payload, prev_hash, event_hash "
    "FROM event_log WHERE seq > ? ORDER BY seq"
)

Rows = Callable[[State], Collection[tuple[Any, ...]]]


def _table(name: str, row: type[Any], held: Callable[[State], Collection[Any]]) -> tuple[str, Rows]:
    """The query of a table, and the same rows in a state."""
    names = columns(row)
    values = attrgetter(*names)
    query = f"SELECT {', '.join(names)} FROM {name}"
    return query, lambda state: [values(one) for one in held(state)]


def _rates(rates: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    return [(*key, tat) for key, tat in rates.items()]


TABLES = dict(
    (
        _table("agents", Agent, lambda state: state.agents.values()),
        _table("tokens", Token, lambda state: state.tokens.values()),
        _table("executions", Execution, lambda state: state.executions.values()),
        _table("reservations", Reservation, lambda state: state.reservations),
        _table("idempotency", Binding, lambda state: state.bindings.values()),
        _table("answers", Answer, lambda state: state.answers.values()),
        ("SELECT agent, kind, tat_ns FROM rate_windows", lambda state: _rates(state.rates)),
        (
            "SELECT gateway FROM gateways WHERE fenced = 1",
            lambda state: [(name,) for name in state.fenced],
        ),
    )
)


class Bystander:
    """What the log says, from its first event on; `tree` is the one over its hashes."""

    def __init__(self, base: Path) -> None:
        flags = apsw.SQLITE_OPEN_READONLY
        self._connection = apsw.Connection(str(base / "ledger.db"), flags=flags)
        self.state = State()
        self.tree = Tree()
        self.log: list[Any] = []
        self._link = Link()

    def close(self) -> None:
        """Closes its connection."""
        self._connection.close()

    def read(self) -> list[Event]:
        """The events since the last time, each of which must fit the chain and be the next."""
        found = []
        rows = self._rows(_LOG, self._link.seq)
        for row in rows:
            seq, version, *event, prev, digest = row
            happened = Event(seq, *event)
            sound = self._link.check(happened, bytes.fromhex(prev), bytes.fromhex(digest), version)
            assert sound, self._link.broken
            assert self.tree.grow(seq, digest)
            evolve(self.state, happened)
            found.append(happened)
        self.log += rows
        return found

    def compare(self) -> None:
        """The head is the newest event, and every table has the rows that the log folds to."""
        head = self._rows("SELECT seq, event_hash, time_ns FROM ledger_head")
        assert head == [(self._link.seq, self._link.head.hex(), self._link.time_ns)]
        for query, rows in TABLES.items():
            stored, expected = self._rows(query), rows(self.state)
            assert len(stored) == len(expected)
            assert set(stored) == set(expected)

    def compare_whole(self) -> None:
        """The log is as it was read, and folds to the same books again."""
        assert self._rows(_LOG, 0) == self.log
        again = fold([Event(row[0], *row[2:7]) for row in self.log])
        for rows in TABLES.values():
            assert set(rows(again)) == set(rows(self.state))

    def _rows(self, query: str, *parameters: object) -> list[Any]:
        return self._connection.execute(query, parameters).fetchall()
