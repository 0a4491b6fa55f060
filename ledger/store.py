"""The store: a batch of commands becomes one durable transaction.

Owns: the write path. Lock, load what the commands touch with one query a table (loading.py), run
the kernel command by command, write what changed (writing.py), commit; then everybody is answered.
Refuses to know: threads, event loops, HTTP. Whoever calls `execute` decides where it may block.

All SQL is built once, when the store is opened. Nothing here decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ledger import chain, events
from ledger.admin_commands import Command
from ledger.admission import lineage
from ledger.clock import KernelClock
from ledger.commands import Commit
from ledger.egress import Payer, payer
from ledger.errors import CommitUnknown, IntegrityBroken, LedgerError
from ledger.events import Draft, Event, canonical
from ledger.kernel import step
from ledger.loading import Loader
from ledger.outcomes import Denied, Outcome
from ledger.standing import stopped
from ledger.state import REMOVED, Agent, Bulk, State, ToolPlugin
from ledger.tables import AnyEngine, Tables
from ledger.writing import Writer


class Store:
    """The one way to write to a ledger. Not thread-safe: one store, one thread at a time."""

    def __init__(self, engine: AnyEngine, clock: KernelClock | None = None) -> None:
        self.engine = engine
        self.clock = clock or KernelClock()
        tables = Tables(engine.in_keys)
        self._tables = tables
        self._loader = Loader(engine, tables)
        self._writer = Writer(engine, tables)

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
        state = self._loader.load(commands)
        before = {key: row.state for key, row in state.executions.items()}
        happened: list[Event] = []
        outcomes: list[Outcome] = []
        for command in commands:
            # Strictly later than all before: whatever is compared by time has an order.
            new, outcome = step(state, command, max(self.clock(), head_time + 1), seq)
            if new:
                head_time = new[-1].time_ns
            happened += new
            seq += len(new)
            outcomes.append(outcome)
        if happened:
            sealed = {
                command.sealed.digest: command.sealed
                for command in commands
                if isinstance(command, Commit) and command.sealed is not None
            }
            self._writer.write(state, before, happened, bytes.fromhex(head_hash), sealed)
        return outcomes

    def create(self, ledger_id: str, version: str) -> bool:
        """Writes the first event of an empty log; False where there is a log already."""
        with self._transaction():
            if self.engine.rows("SELECT seq FROM ledger_head WHERE id = 1")[0][0]:
                return False
            draft = Draft(
                events.LEDGER_CREATED, None, None, {"ledger_id": ledger_id, "version": version}
            )
            first = Event(1, self.clock(), None, None, draft.type, canonical(draft.payload))
            self._writer.write(State(), {}, [first], chain.GENESIS, {})
        return True

    def open_executions(self) -> list[tuple[str, str]]:
        """(execution id, gateway) of all that are not terminal."""
        rows = self.engine.rows(
            "SELECT execution_id, gateway FROM executions "
            "WHERE state IN ('RESERVED', 'DISPATCHED') ORDER BY execution_id"
        )
        self.engine.rollback()
        return [(row[0], row[1]) for row in rows]

    def stopped(self, token_hashes: Iterable[str]) -> dict[str, Denied]:
        """Those of the tokens whose calls under way are to end, each with the reason."""
        hashes = list(token_hashes)
        state = self._loader.standing(hashes)
        self.engine.rollback()
        found = {token_hash: stopped(state, token_hash) for token_hash in hashes}
        return {token_hash: why for token_hash, why in found.items() if why is not None}

    def payer(self, token_hash: str, claimed: str | None) -> Payer | Denied:
        """Whom a token stands for, or why it may begin nothing. claimed: see egress.payer."""
        state = self._loader.standing([token_hash])
        self.engine.rollback()
        return payer(state, token_hash, claimed, self.clock())

    def lineage(self, token_hash: str) -> tuple[str, list[Agent]] | None:
        """The agent of a token, and the account that pays first with those above it."""
        state = self._loader.standing([token_hash])
        self.engine.rollback()
        token = state.tokens.get(token_hash)
        return (token.agent, lineage(state, token.account)) if token is not None else None

    def answer(self, execution_id: str) -> bytes | None:
        """The sealed bytes of a stored answer; None once it has expired and was purged."""
        rows = self._outside("SELECT sealed FROM answers WHERE execution_id = ?", execution_id)
        return bytes(rows[0][0]) if rows else None

    def bulk(self, ref: str, *, by_results: bool = False) -> tuple[Bulk, int] | None:
        """A file or batch by its ref, or by that of its results; with the time it was noted for."""
        table = self._tables.bulks_by_results if by_results else self._tables.bulks
        found = table.fetch(self.engine, [ref] if ref else [])
        begun = [
            call.created_at
            for bulk in found[:1]
            for call in self._tables.executions.fetch(self.engine, [bulk.execution_id])
        ]
        self.engine.rollback()
        return (found[0], begun[0]) if begun else None

    def tool(self, name: str) -> ToolPlugin | None:
        """An installed tool, as it stands; None for one that was removed too."""
        found = self._tables.tools.fetch(self.engine, [name])
        self.engine.rollback()
        return next((tool for tool in found if tool.state != REMOVED), None)

    def ledger_id(self) -> str:
        """The name that the first event gave this ledger."""
        first = self._outside("SELECT payload FROM event_log WHERE seq = ?", 1)
        return str(json.loads(first[0][0])["ledger_id"]) if first else ""

    def purge(self) -> int:
        """Drops what has expired: stored answers and idempotency keys. The number of answers."""
        with self._transaction():
            # By the log's time, as the audit counts: it would miss what is gone before.
            now = self.engine.rows("SELECT time_ns FROM ledger_head WHERE id = 1")[0][0]
            many = self.engine.many
            dropped = many("DELETE FROM answers WHERE expires_at <= ?", [(now,)])
            many("DELETE FROM idempotency WHERE expires_at <= ?", [(now,)])
        return dropped

    def beat(self, gateway: str, beat: int) -> bool:
        """A sign of life; False if the gateway was shut out. The first one registers it."""
        with self._transaction():
            self.engine.many(
                "INSERT INTO gateways (gateway, started_at, beat, fenced) VALUES (?, ?, ?, 0) "
                "ON CONFLICT (gateway) DO UPDATE SET beat = excluded.beat",
                [(gateway, self.clock(), beat)],
            )
            row = self.engine.rows("SELECT fenced FROM gateways WHERE gateway = ?", (gateway,))
        return not row[0][0]

    def leave(self, gateway: str) -> None:
        """No sign of life is expected of it any more. What it left open is still looked after."""
        gone = "DELETE FROM gateways WHERE gateway = ? AND fenced = 0"
        with self._transaction():
            self.engine.many(gone, [(gateway,)])

    def beats(self) -> dict[str, int]:
        """The newest sign of life of every gateway that has not left, and was not shut out."""
        rows = self._outside("SELECT gateway, beat FROM gateways WHERE fenced = ?", 0)
        return {row[0]: row[1] for row in rows}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.engine.begin()
        try:
            yield
            self.engine.commit()
        except BaseException:
            self.engine.rollback()
            raise

    def _outside(self, sql: str, parameter: Any) -> list[tuple[Any, ...]]:
        """A query in no transaction of ours."""
        rows = self.engine.rows(sql, (parameter,))
        self.engine.rollback()
        return rows

    def close(self) -> None:
        """Closes the engine."""
        self.engine.close()
