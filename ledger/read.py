"""Reading the books: typed rows on a connection that cannot write.

Owns: every query of the command line, the web view and the audit.
Refuses to know: how rows are shown, who may see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Self

from peewee import Case, Table, fn

from ledger import events
from ledger.engine import connect, refuse_newer, schema_version
from ledger.errors import IntegrityBroken, LedgerUnavailable
from ledger.logged import Head, Logged, log_rows, logged
from ledger.models import tables
from ledger.state import (
    DENIED,
    OPEN_STATES,
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
from ledger.vouched import Taken

_CHUNK = 2000
_HASHES = 20_000
_CHECKPOINTS_SINCE = 2
_BULKS_SINCE = 4
_TOOLS_SINCE = 6
_COUNTED = (
    *(events.COMMITTED, events.RELEASED, events.DENIED),
    *(events.OVERRUN, events.BYPASS_SEEN),
)


class Totals(NamedTuple):
    """What some calls came to. under_way: how many have no end yet."""

    calls: int
    denied: int
    under_way: int
    spent_nanousd: int


class Reader:
    """Typed queries. Opens its own read-only connection; close it, or use it in `with`."""

    def __init__(self, url: str, base: Path) -> None:
        """Raises LedgerUnavailable where there is no ledger, SchemaTooNew for a newer one."""
        self._engine = connect(url, base, read_only=True)
        try:
            version = schema_version(self._engine)
            self._engine.rollback()
            refuse_newer(version)
            if version == 0:
                raise LedgerUnavailable("the ledger is empty; `aex init` makes its tables")
        except BaseException:
            self._engine.close()
            raise
        self._tables = tables(self._engine.db)
        self._version = version

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._engine.close()

    def snapshot(self) -> Any:
        """A context in which all queries see the books at one moment."""
        return self._engine.snapshot()

    def _fetch(self, query: Any) -> list[Any]:
        with self._engine.errors():
            return list(query.tuples())

    def head(self) -> Head:
        """The newest event's place, hash and time. Raises IntegrityBroken if it is missing."""
        for row in self._fetch(_rows(self._tables.ledger_head, Head)):
            return Head(*row)
        raise IntegrityBroken("the head of the log is missing")

    def agents(self, *, deleted: bool = False) -> list[Agent]:
        """All agents by name; deleted ones only if asked for."""
        model = self._tables.agents
        query = _rows(model, Agent).order_by(model.name)
        if not deleted:
            query = query.where(model.lifecycle_state != "DECOMMISSIONED")
        return [Agent(*row) for row in self._fetch(query)]

    def agent(self, name: str) -> Agent | None:
        """One agent, also a deleted one."""
        model = self._tables.agents
        rows = self._fetch(_rows(model, Agent).where(model.name == name))
        return Agent(*rows[0]) if rows else None

    def tokens(self, agent: str | None = None) -> list[Token]:
        """The tokens of an agent, or all, oldest first; only hashes are known."""
        model = self._tables.tokens
        query = _rows(model, Token).order_by(model.created_at)
        if agent is not None:
            query = query.where(model.agent == agent)
        return [Token(*row) for row in self._fetch(query)]

    def execution(self, execution_id: str) -> Execution | None:
        """One execution by its id."""
        model = self._tables.executions
        rows = self._fetch(_rows(model, Execution).where(model.execution_id == execution_id))
        return Execution(*rows[0]) if rows else None

    def executions(
        self, *, agent: str | None = None, state: str | None = None, limit: int | None = 50
    ) -> list[Execution]:
        """The newest executions first. agent: a name, or that of a run (`agent/run`)."""
        model = self._tables.executions
        newest = (model.created_at.desc(), model.execution_id.desc())
        query = self._between(_rows(model, Execution).order_by(*newest), None, None, agent)
        if state is not None:
            query = query.where(model.state == state)
        if limit is not None:
            query = query.limit(limit)
        return [Execution(*row) for row in self._fetch(query)]

    def executions_between(
        self, since: int | None = None, until: int | None = None, agent: str | None = None
    ) -> Iterator[Execution]:
        """Those created from `since` on and before `until`, oldest first, in chunks."""
        model = self._tables.executions
        query = self._between(_rows(model, Execution), since, until, agent)
        page = query = query.order_by(model.created_at, model.execution_id)
        while True:
            found = [Execution(*row) for row in self._fetch(page.limit(_CHUNK))]
            yield from found
            if len(found) < _CHUNK:
                return
            at, key = found[-1].created_at, found[-1].execution_id
            # The first of the two is what the index on the time is used for.
            page = query.where(model.created_at >= at)
            page = page.where((model.created_at > at) | (model.execution_id > key))

    def count_between(
        self, since: int | None = None, until: int | None = None, agent: str | None = None
    ) -> int:
        """How many executions_between would give."""
        query = self._tables.executions.select(fn.COUNT(1))
        count: int = self._fetch(self._between(query, since, until, agent))[0][0]
        return count

    def _between(self, query: Any, since: int | None, until: int | None, agent: str | None) -> Any:
        model = self._tables.executions
        if since is not None:
            query = query.where(model.created_at >= since)
        if until is not None:
            query = query.where(model.created_at < until)
        if agent is not None:
            query = query.where((model.account if "/" in agent else model.agent) == agent)
        return query

    def totals(self, *, since: int, token_id: str = "", account: str = "") -> Totals:
        """The calls from `since` on of one token, or of one account and all below it."""
        model = self._tables.executions
        if token_id:
            mine = model.token_id == token_id
        else:
            mine = (model.account == account) | model.account.startswith(f"{account}/")
        query = model.select(model.state, fn.COUNT(1), fn.SUM(model.actual_nanousd))
        # The time has an index; the others have none.
        query = query.where(model.created_at >= since, mine).group_by(model.state)
        by_state = {state: (count, int(spent)) for state, count, spent in self._fetch(query)}
        return Totals(
            calls=sum(count for count, _ in by_state.values()),
            denied=by_state.get(DENIED, (0, 0))[0],
            under_way=sum(count for state, (count, _) in by_state.items() if state in OPEN_STATES),
            spent_nanousd=sum(spent for _, spent in by_state.values()),
        )

    def reservations(self) -> list[Reservation]:
        """The whole reserve book, in order."""
        model = self._tables.reservations
        query = _rows(model, Reservation).order_by(model.seq)
        return [Reservation(*row) for row in self._fetch(query)]

    def rates(self) -> dict[tuple[str, str], int]:
        """Theoretical arrival times by (agent, kind)."""
        model = self._tables.rate_windows
        rows = self._fetch(model.select(model.agent, model.kind, model.tat_ns))
        return {(agent, kind): tat for agent, kind, tat in rows}

    def bindings(self, now: int) -> list[Binding]:
        """Idempotency keys that have not expired."""
        model = self._tables.idempotency
        query = _rows(model, Binding).where(model.expires_at > now)
        return [Binding(*row) for row in self._fetch(query)]

    def answers(self, now: int) -> list[Answer]:
        """Stored answers that have not expired; digest and size are of the bytes as stored."""
        model = self._tables.answers
        rows = model.select(model.execution_id, model.expires_at, model.sealed)
        return [
            Answer(row[0], sha256(bytes(row[2])).hexdigest(), len(row[2]), row[1])
            for row in self._fetch(rows.where(model.expires_at > now))
        ]

    def bulks(self) -> dict[str, Bulk]:
        """What providers keep of many calls at once, by ref."""
        if self._version < _BULKS_SINCE:
            return {}
        return {row[0]: Bulk(*row) for row in self._fetch(_rows(self._tables.bulks, Bulk))}

    def tools(self) -> dict[str, ToolPlugin]:
        """All tools that were ever installed, by name."""
        rows = _rows(self._tables.tool_plugins, ToolPlugin)
        found = self._fetch(rows) if self._version >= _TOOLS_SINCE else ()
        return {row[0]: ToolPlugin(*row) for row in found}

    def log(
        self, after: int = 0, upto: int | None = None, kind: str | None = None
    ) -> Iterator[Logged]:
        """The events after a place, up to another or all, of one type or all, in order."""
        model = self._tables.event_log
        while True:
            query = log_rows(model).where(model.seq > after).order_by(model.seq)
            if upto is not None:
                query = query.where(model.seq <= upto)
            if kind is not None:
                query = query.where(model.type == kind)
            rows = self._fetch(query.limit(_CHUNK))
            yield from (logged(row) for row in rows)
            if len(rows) < _CHUNK:
                return
            after = rows[-1][0]

    def ends(self, after: int, upto: int) -> list[tuple[str, str, int, int]]:
        """(agent, type, how many, how many uncertain or blocked) of ends, overruns and bypasses.

        The database counts: a stretch of the log costs a scan of it and gives a few rows.
        """
        model = self._tables.event_log
        # The text is canonical; inside a string of the payload the quotes would be escaped.
        marks = ('"certainty":"uncertain"', '"blocked":true')
        marked = Case(None, [(model.payload.contains(mark), 1) for mark in marks], 0)
        query = model.select(model.agent, model.type, fn.COUNT(1), fn.SUM(marked))
        query = query.where(model.seq > after, model.seq <= upto, model.type.in_(_COUNTED))
        rows = self._fetch(query.group_by(model.agent, model.type))
        return [(agent, kind, count, int(number)) for agent, kind, count, number in rows]

    def hashes(self, after: int = 0) -> Iterator[tuple[int, str]]:
        """(seq, event hash) after a place, in order: the leaves of the tree, as they are stored."""
        model = self._tables.event_log
        while True:
            query = model.select(model.seq, model.event_hash).where(model.seq > after)
            rows = self._fetch(query.order_by(model.seq).limit(_HASHES))
            yield from rows
            if len(rows) < _HASHES:
                return
            after = rows[-1][0]

    def payloads(self, kind: str) -> list[tuple[int, str]]:
        """(seq, payload) of all events of one type. Reads the whole log."""
        model = self._tables.event_log
        query = model.select(model.seq, model.payload).where(model.type == kind)
        return [(seq, payload) for seq, payload in self._fetch(query.order_by(model.seq))]

    def checkpoints(self, *, newest: bool = False) -> list[Taken]:
        """The checkpoints in the ledger, the largest last; or only that one."""
        if self._version < _CHECKPOINTS_SINCE:
            return []
        names = columns(Taken)
        table = Table("checkpoints", names).bind(self._engine.db)
        listed = [getattr(table, name) for name in names]
        query, by = table.select(*listed), listed[0]
        query = query.order_by(by.desc()).limit(1) if newest else query.order_by(by)
        return [Taken(*row) for row in self._fetch(query)]

    def story(self, execution_id: str) -> list[Logged]:
        """The events of one execution, in order."""
        model = self._tables.event_log
        query = log_rows(model).where(model.execution_id == execution_id).order_by(model.seq)
        return [logged(row) for row in self._fetch(query)]


def _rows(model: Any, row: type[Any]) -> Any:
    # By name: the query builder would put the primary key first.
    return model.select(*(getattr(model, column) for column in columns(row)))
