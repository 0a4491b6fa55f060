"""Reading the books page by page, as somebody watches them.

Owns: the queries of a view that is asked again and again: newest calls by filter and cursor, what
has changed since an event, spending along the reserve book. Each costs the same however long the
ledger is.
Refuses to know: how rows are shown, who may see them.

No index serves every filter, and one more would be paid for by every call. So a page looks at no
more than REACH calls; where these hold too few that fit, its cursor says where to look on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import batched
from typing import Any

from peewee import fn

from ledger import events
from ledger.read import Reader, _rows
from ledger.state import Agent, Execution

REACH = 10_000
_TOUCHED_MAX = 2_000
_IDS_MAX = 10_000
_HOUR = 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls are wanted; "" and 0 are any.

    agent: a name, or that of a run (`agent/run`). model: a part of its name. execution_id: the
    beginning of one. since and until bound the time of admission, in nanoseconds; the second is
    not within.
    """

    agent: str = ""
    model: str = ""
    state: str = ""
    execution_id: str = ""
    since: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first. `before` is the cursor of the next page, 0 where there is none."""

    rows: list[Execution]
    before: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of an agent with a model came to that were admitted in an hour (its start)."""

    agent: str
    model: str
    hour: int
    nanousd: int


class ActivityReader(Reader):
    """A Reader with the queries of whoever watches."""

    def activity(self, wanted: Filter, before: int = 0, limit: int = 50) -> Page:
        """One page. `before` is the cursor of the page before it, 0 for the newest calls."""
        model = self._tables.executions
        # The kernel's times are unique, so that a time is a place among the calls.
        newest = model.created_at.desc()
        times = self._within(model.select(model.created_at), wanted, before)
        edges = self._fetch(times.order_by(newest).offset(REACH - 1).limit(1))
        query = self._within(_rows(model, Execution), wanted, before).order_by(newest)
        if edges:
            query = query.where(model.created_at >= edges[0][0])
        for condition in _conditions(model, wanted):
            query = query.where(condition)
        rows = [Execution(*row) for row in self._fetch(query.limit(limit + 1))]
        if len(rows) > limit:
            return Page(rows[:limit], rows[limit - 1].created_at)
        return Page(rows, edges[0][0] if edges else 0)

    def _within(self, query: Any, wanted: Filter, before: int) -> Any:
        """What an index can leave out: other agents, other times, other ids."""
        model = self._tables.executions
        if wanted.agent:
            query = query.where(model.agent == wanted.agent.partition("/")[0])
        if wanted.execution_id:
            beginning = wanted.execution_id
            query = query.where(model.execution_id >= beginning)
            query = query.where(model.execution_id < beginning + "\U0010ffff")
        if wanted.since:
            query = query.where(model.created_at >= wanted.since)
        if wanted.until:
            query = query.where(model.created_at < wanted.until)
        return query.where(model.created_at < before) if before else query

    def touched(self, after: int) -> tuple[list[str], list[str]]:
        """(ids of calls, names of accounts) that events after `after` are about, newest first.

        Of very many new events the newest are told.
        """
        model = self._tables.event_log
        query = model.select(model.execution_id, model.agent).where(model.seq > after)
        found = self._fetch(query.order_by(model.seq.desc()).limit(_TOUCHED_MAX))
        calls = dict.fromkeys(row[0] for row in found if row[0] is not None)
        return list(calls), list(dict.fromkeys(row[1] for row in found if row[1] is not None))

    def executions_named(self, ids: Iterable[str]) -> list[Execution]:
        """These calls, newest first."""
        model = self._tables.executions
        query = _rows(model, Execution).where(model.execution_id.in_(list(ids)))
        return [Execution(*row) for row in self._fetch(query.order_by(model.created_at.desc()))]

    def shadowed(self, ids: Iterable[str]) -> set[str]:
        """Those of these calls that a policy in shadow would have refused or made smaller."""
        model = self._tables.event_log
        # The text is canonical; inside a string of the payload the quotes would be escaped.
        marked = model.select(model.execution_id).where(
            model.type.in_((events.RESERVED, events.DENIED)),
            model.payload.contains('"shadow":['),
        )
        # SQLite takes some 32,000 values in a statement.
        parts = (marked.where(model.execution_id.in_(part)) for part in batched(ids, _IDS_MAX))
        return {row[0] for query in parts for row in self._fetch(query)}

    def runs(self, now: int, most: int, agent: str = "") -> list[Agent]:
        """The newest runs that have not ended, of an agent or of all."""
        model = self._tables.agents
        query = _rows(model, Agent).where(model.kind == "run")
        if agent:
            query = query.where(model.parent == agent)
        query = query.where(model.lifecycle_state != "DECOMMISSIONED")
        query = query.where((model.expires_at == 0) | (model.expires_at > now))
        return [
            Agent(*row) for row in self._fetch(query.order_by(model.created_at.desc()).limit(most))
        ]

    def lasting(self) -> list[Agent]:
        """Teams and agents that have not ended, by name."""
        model = self._tables.agents
        query = _rows(model, Agent).where(model.kind != "run")
        query = query.where(model.lifecycle_state != "DECOMMISSIONED")
        return [Agent(*row) for row in self._fetch(query.order_by(model.name))]

    def spent(self, after: int, upto: int) -> list[Spent]:
        """What was booked by events after a place and up to another, as the calls stand now."""
        book, calls = self._tables.reservations, self._tables.executions
        # Both are integers, and so is what the engines make of it.
        hour = calls.created_at / _HOUR
        query = book.select(calls.agent, calls.model, hour, fn.SUM(book.amount_nanousd))
        query = query.join(calls, on=(calls.execution_id == book.execution_id))
        query = query.where(book.seq > after, book.seq <= upto, book.entry == "commit")
        query = query.group_by(calls.agent, calls.model, hour)
        found = [
            Spent(agent, named, number * _HOUR, int(nanousd))
            for agent, named, number, nanousd in self._fetch(query)
        ]
        return found + self._adjusted(after, upto)

    def _adjusted(self, after: int, upto: int) -> list[Spent]:
        """What adjustments add or take. They are rare, and by how much takes the call's story."""
        book = self._tables.reservations
        query = book.select(book.execution_id, book.seq).where(
            book.seq > after, book.seq <= upto, book.entry == "adjust"
        )
        found = []
        for execution_id, seq in self._fetch(query):
            amounts = [
                (logged.event.seq, logged.event.data()["actual_nanousd"])
                for logged in self.story(execution_id)
                if logged.event.type in (events.COMMITTED, events.ADJUSTED)
            ]
            now = next(amount for at, amount in amounts if at == seq)
            before = next((amount for at, amount in reversed(amounts) if at < seq), 0)
            row = self.execution(execution_id)
            assert row is not None, "an adjustment is of a call"
            hour = row.created_at - row.created_at % _HOUR
            found.append(Spent(row.agent, row.model, hour, now - before))
        return found


def _conditions(model: Any, wanted: Filter) -> list[Any]:
    """What rows are looked at for."""
    conditions = []
    if "/" in wanted.agent:
        conditions.append(model.account == wanted.agent)
    if wanted.model:
        conditions.append(model.model.contains(wanted.model))
    if wanted.state:
        conditions.append(model.state == wanted.state)
    return conditions
