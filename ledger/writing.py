"""Writing: what a batch changed, its events, and the head of the log.

Owns: the statements that write, and the guards in them (compare-and-swap on executions and head).
Refuses to know: what is decided, when it is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from ledger import chain, events
from ledger.commands import Sealed
from ledger.errors import LedgerUnavailable
from ledger.events import Event
from ledger.state import State
from ledger.tables import AnyEngine, Tables

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


class Writer:
    """Writes a batch, inside its transaction."""

    def __init__(self, engine: AnyEngine, tables: Tables) -> None:
        self._engine = engine
        self._tables = tables
        ends = ", ".join(f"{column} = ?" for column in _EXECUTION_END)
        # Compare-and-swap: only an execution that is still as it was loaded moves on.
        where = "WHERE execution_id = ? AND state = ?"
        self._execution_end = f"UPDATE executions SET {ends} {where}"  # noqa: S608
        self._execution_end_values = attrgetter(*_EXECUTION_END, "execution_id")
        self._upsert_rate = (
            "INSERT INTO rate_windows (agent, kind, tat_ns) VALUES (?, ?, ?) "
            "ON CONFLICT (agent, kind) DO UPDATE SET tat_ns = excluded.tat_ns"
        )
        self._insert_event = (
            "INSERT INTO event_log (seq, version, time_ns, agent, execution_id, type, payload, "
            "prev_hash, event_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        self._fence = (
            "INSERT INTO gateways (gateway, started_at, beat, fenced) VALUES (?, 0, 0, 1) "
            "ON CONFLICT (gateway) DO UPDATE SET fenced = 1"
        )
        self._keep_answer = (
            "INSERT INTO answers (execution_id, digest, size, expires_at, sealed) "
            "VALUES (?, ?, ?, ?, ?)"
        )

    def write(
        self,
        state: State,
        before: Mapping[str, str],
        happened: list[Event],
        head: bytes,
        sealed: Mapping[str, Sealed],
    ) -> None:
        """Rows touched, events happened, head advanced. `before` has the states as loaded."""
        many = self._engine.many
        linked = chain.extend(happened, head)
        many(self._insert_event, [_log_row(*link) for link in linked])
        self._write_accounts(state)
        self._write_executions(state, before)
        if state.reservations:
            many(self._tables.reservations.insert, state.reservations)
        self._write_answers(state, happened, sealed)
        if state.touched_bulks:
            many(self._tables.bulks.upsert, [state.bulks[key] for key in state.touched_bulks])
        if state.touched_tools:
            many(self._tables.tools.upsert, [state.tools[key] for key in state.touched_tools])
        last, _, digest = linked[-1]
        advanced = many(
            "UPDATE ledger_head SET seq = ?, event_hash = ?, time_ns = ? WHERE id = 1 AND seq = ?",
            [(last.seq, digest.hex(), last.time_ns, happened[0].seq - 1)],
        )
        if advanced != 1:
            raise LedgerUnavailable("the head of the log moved under a held lock")

    def _write_accounts(self, state: State) -> None:
        many = self._engine.many
        if state.touched_agents:
            many(self._tables.agents.upsert, [state.agents[key] for key in state.touched_agents])
        if state.touched_tokens:
            many(self._tables.tokens.upsert, [state.tokens[key] for key in state.touched_tokens])
        if state.touched_rates:
            many(self._upsert_rate, [(*key, state.rates[key]) for key in state.touched_rates])
        if state.touched_fences:
            many(self._fence, [(gateway,) for gateway in state.touched_fences])

    def _write_executions(self, state: State, before: Mapping[str, str]) -> None:
        new, moved = [], []
        for key in state.touched_executions:
            execution = state.executions[key]
            if key in before:
                moved.append((*self._execution_end_values(execution), before[key]))
            else:
                new.append(execution)
        if new:
            self._engine.many(self._tables.executions.insert, new)
        if moved and self._engine.many(self._execution_end, moved) != len(moved):
            raise LedgerUnavailable("an execution changed under a held lock")

    def _write_answers(
        self, state: State, happened: list[Event], sealed: Mapping[str, Sealed]
    ) -> None:
        if state.touched_bindings:
            rows = [state.bindings[key] for key in state.touched_bindings]
            self._engine.many(self._tables.bindings.upsert, rows)
        kept = [
            (
                answer.execution_id,
                answer.digest,
                answer.size,
                answer.expires_at,
                sealed[answer.digest].data,
            )
            for event in happened
            if event.type == events.ANSWER_STORED and event.execution_id is not None
            for answer in (state.answers[event.execution_id],)
        ]
        if kept:
            self._engine.many(self._keep_answer, kept)


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
