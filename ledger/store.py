"""The store: a batch of commands becomes one durable transaction.

Owns: the write path. Lock, load what the commands touch with one query a table, run the kernel
command by command, write what changed, advance the head, commit; then everybody is answered.
Refuses to know: threads, event loops, HTTP. Whoever calls `execute` decides where it may block.

All SQL is built once, when the store is opened. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from ledger import chain, events
from ledger.clock import KernelClock
from ledger.commands import Command, DeleteAgent, IssueToken, Outcome
from ledger.engine_postgres import PostgresEngine
from ledger.engine_sqlite import SqliteEngine
from ledger.errors import CommitUnknown, IntegrityBroken, LedgerError, LedgerUnavailable
from ledger.events import Draft, Event, canonical
from ledger.kernel import step
from ledger.state import Agent, Execution, Reservation, State, Token, columns

_EXECUTION_END = (
    "state",
    "dispatched_at",
    "terminal_at",
    "status_code",
    "actual_nanousd",
    "usage",
    "usage_source",
    "certainty",
    "reason",
)


class _Table[R]:
    """The SQL of one projection, and rows to parameters and back."""

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


class Store:
    """The one way to write to a ledger. Not thread-safe: one store, one thread at a time."""

    def __init__(
        self, engine: SqliteEngine | PostgresEngine, clock: KernelClock | None = None
    ) -> None:
        self.engine = engine
        self.clock = clock or KernelClock()
        keys = engine.in_keys
        self._agents = _Table("agents", Agent, "name", keys)
        self._tokens = _Table("tokens", Token, "token_hash", keys)
        self._executions = _Table("executions", Execution, "execution_id", keys)
        self._reservations = _Table("reservations", Reservation, "seq", keys)
        self._tokens_of = self._tokens.load.replace("WHERE token_hash", "WHERE agent")
        ends = ", ".join(f"{column} = ?" for column in _EXECUTION_END)
        # Compare-and-swap: only an execution that is still as it was loaded moves on.
        where = "WHERE execution_id = ? AND state = ?"
        self._execution_end = f"UPDATE executions SET {ends} {where}"  # noqa: S608
        self._execution_end_values = attrgetter(*_EXECUTION_END, "execution_id")
        rates = "SELECT agent, kind, tat_ns FROM rate_windows"
        self._load_rates = f"{rates} WHERE agent {keys}"
        self._upsert_rate = (
            "INSERT INTO rate_windows (agent, kind, tat_ns) VALUES (?, ?, ?) "
            "ON CONFLICT (agent, kind) DO UPDATE SET tat_ns = excluded.tat_ns"
        )
        self._insert_event = (
            "INSERT INTO event_log (seq, version, time_ns, agent, execution_id, type, payload, "
            "prev_hash, event_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )

    def execute(self, commands: Sequence[Command]) -> list[Outcome]:
        """Outcomes in the order of the commands, all durable or none.

        Raises LedgerBusy before anything was begun, LedgerUnavailable where the transaction
        failed; after a failed commit its outcome is unknown, and the commands may be sent again.
        """
        self.engine.begin()
        try:
            outcomes = self._run(commands)
            self._commit()
        except BaseException:
            self.engine.rollback()
            raise
        return outcomes

    def _commit(self) -> None:
        try:
            self.engine.commit()
        except LedgerError as error:
            raise CommitUnknown(str(error)) from error

    def one(self, command: Command) -> Outcome:
        """The outcome of a single command in a transaction of its own."""
        return self.execute((command,))[0]

    def _run(self, commands: Sequence[Command]) -> list[Outcome]:
        heads = self.engine.rows("SELECT seq, event_hash, time_ns FROM ledger_head WHERE id = 1")
        if not heads:
            raise IntegrityBroken("the head of the log is missing")
        seq, head_hash, head_time = heads[0]
        self.clock.observe(head_time)
        state = self._load(commands)
        before = {key: row.state for key, row in state.executions.items()}
        happened: list[Event] = []
        outcomes: list[Outcome] = []
        for command in commands:
            new, outcome = step(state, command, max(self.clock(), head_time), seq)
            happened += new
            seq += len(new)
            outcomes.append(outcome)
        if happened:
            self._write(state, before, happened, bytes.fromhex(head_hash))
        return outcomes

    def _load(self, commands: Sequence[Command]) -> State:
        state = State()
        hashes = {c.token_hash for c in commands if hasattr(c, "token_hash")}
        wanted = {c.execution_id for c in commands if hasattr(c, "execution_id")}
        agents = {c.name for c in commands if hasattr(c, "name")}
        all_tokens_of = {
            c.name
            for c in commands
            if isinstance(c, DeleteAgent) or (isinstance(c, IssueToken) and c.revoke_others)
        }
        for token in self._fetch(self._tokens, hashes):
            state.tokens[token.token_hash] = token
            agents.add(token.agent)
        for token in self._fetch(self._tokens, all_tokens_of, self._tokens_of):
            state.tokens[token.token_hash] = token
        for execution in self._fetch(self._executions, wanted):
            state.executions[execution.execution_id] = execution
            agents.add(execution.agent)
        self._load_lineages(state, agents)
        limited = [a.name for a in state.agents.values() if a.rpm or a.tpm]
        if limited:
            rows = self.engine.rows(self._load_rates, (self.engine.keys(limited),))
            state.rates = {(agent, kind): tat for agent, kind, tat in rows}
        return state

    def _fetch[R](self, table: _Table[R], keys: Iterable[str], sql: str | None = None) -> list[R]:
        wanted = list(keys)
        if not wanted:
            return []
        rows = self.engine.rows(sql or table.load, (self.engine.keys(wanted),))
        return [table.make(*row) for row in rows]

    def _load_lineages(self, state: State, names: set[str]) -> None:
        asked: set[str] = set()
        while names:
            asked |= names
            for agent in self._fetch(self._agents, names):
                state.agents[agent.name] = agent
            parents = {a.parent for a in state.agents.values() if a.parent is not None}
            names = parents - asked

    def _write(
        self, state: State, before: dict[str, str], happened: list[Event], head: bytes
    ) -> None:
        many = self.engine.many
        linked = chain.extend(happened, head)
        many(self._insert_event, [_log_row(*link) for link in linked])
        if state.touched_agents:
            rows = [self._agents.values(state.agents[key]) for key in state.touched_agents]
            many(self._agents.upsert, rows)
        if state.touched_tokens:
            tokens = [self._tokens.values(state.tokens[key]) for key in state.touched_tokens]
            many(self._tokens.upsert, tokens)
        if state.touched_rates:
            many(self._upsert_rate, [(*key, state.rates[key]) for key in state.touched_rates])
        self._write_executions(state, before)
        if state.reservations:
            entries = [self._reservations.values(entry) for entry in state.reservations]
            many(self._reservations.insert, entries)
        last, _, digest = linked[-1]
        advanced = many(
            "UPDATE ledger_head SET seq = ?, event_hash = ?, time_ns = ? WHERE id = 1 AND seq = ?",
            [(last.seq, digest.hex(), last.time_ns, happened[0].seq - 1)],
        )
        if advanced != 1:
            raise LedgerUnavailable("the head of the log moved under a held lock")

    def _write_executions(self, state: State, before: dict[str, str]) -> None:
        new, moved = [], []
        for key in state.touched_executions:
            execution = state.executions[key]
            if key in before:
                moved.append((*self._execution_end_values(execution), before[key]))
            else:
                new.append(self._executions.values(execution))
        if new:
            self.engine.many(self._executions.insert, new)
        if moved and self.engine.many(self._execution_end, moved) != len(moved):
            raise LedgerUnavailable("an execution changed under a held lock")

    def create(self, ledger_id: str, version: str) -> bool:
        """Writes the first event of an empty log; False where there is a log already."""
        self.engine.begin()
        try:
            if self.engine.rows("SELECT seq FROM ledger_head WHERE id = 1")[0][0]:
                self.engine.rollback()
                return False
            draft = Draft(
                events.LEDGER_CREATED, None, None, {"ledger_id": ledger_id, "version": version}
            )
            first = Event(1, self.clock(), None, None, draft.type, canonical(draft.payload))
            self._write(State(), {}, [first], chain.GENESIS)
            self.engine.commit()
        except BaseException:
            self.engine.rollback()
            raise
        return True

    def open_executions(self) -> list[tuple[str, str]]:
        """(execution id, gateway) of all that are not terminal."""
        rows = self.engine.rows(
            "SELECT execution_id, gateway FROM executions "
            "WHERE state IN ('RESERVED', 'DISPATCHED') ORDER BY execution_id"
        )
        self.engine.rollback()
        return [(row[0], row[1]) for row in rows]

    def close(self) -> None:
        """Closes the engine."""
        self.engine.close()


def _log_row(event: Event, prev: bytes, digest: bytes) -> tuple[Any, ...]:
    return (
        event.seq,
        chain.VERSION,
        event.time_ns,
        event.agent,
        event.execution_id,
        event.type,
        event.payload,
        prev.hex(),
        digest.hex(),
    )
