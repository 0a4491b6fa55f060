"""The audit: do the log, the balances and the tables agree?

Owns: the laws that the books must keep, one finding a law. It reads and repairs nothing.
Refuses to know: how findings are shown.

Every projection is compared with a fold of the log, row by row; the balances are then summed a
second way, from the executions, so that a mistake in the fold itself would show.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.chain import Link
from ledger.events import AGENT_CREATED
from ledger.evolve import evolve
from ledger.read import Reader
from ledger.state import OPEN_STATES, State

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One law: its name, whether it holds, and what was counted or what is wrong."""

    law: str
    holds: bool
    detail: str


def audit(reader: Reader, progress: Progress | None = None) -> list[Finding]:
    """All findings, of one moment. `progress` is told how many events have been read."""
    with reader.snapshot():
        return _audit(reader, progress)


def _audit(reader: Reader, progress: Progress | None) -> list[Finding]:
    head = reader.head()
    link, state = Link(), State()
    born: dict[str | None, int] = {}
    fold_error = ""
    for logged in reader.log():
        if not link.check(logged.event, logged.prev, logged.digest, logged.version):
            break
        if logged.event.type == AGENT_CREATED:
            born[logged.event.agent] = logged.event.seq
        if not fold_error:
            fold_error = _fold(state, logged.event)
        if progress is not None and link.seq % 1000 == 0:
            progress(link.seq)
    findings = [
        Finding("chain", not link.broken, link.broken or f"{link.seq} events, gapless"),
        _head(head.seq, head.event_hash, link),
    ]
    if fold_error:
        return [*findings, Finding("replay", False, fold_error)]
    return findings + _projections(reader, state) + _balances(state, born)


def _fold(state: State, event: Any) -> str:
    try:
        evolve(state, event)
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        return f"event {event.seq} ({event.type}) cannot be replayed: {error!r}"
    return ""


def _head(seq: int, event_hash: str, link: Link) -> Finding:
    if link.broken:
        return Finding("head", False, "not checked: the chain is broken")
    if (seq, event_hash) == (link.seq, link.head.hex()):
        return Finding("head", True, f"the log ends at event {seq}, as the head says")
    return Finding("head", False, f"the head says event {seq}, the log ends at event {link.seq}")


def _projections(reader: Reader, state: State) -> list[Finding]:
    agents = {agent.name: agent for agent in reader.agents(deleted=True)}
    tokens = {token.token_hash: token for token in reader.tokens()}
    executions = {row.execution_id: row for row in reader.executions(limit=None)}
    reservations = {entry.seq: entry for entry in reader.reservations()}
    replayed = {entry.seq: entry for entry in state.reservations}
    return [
        _same("agents", agents, state.agents),
        _same("tokens", tokens, state.tokens),
        _same("executions", executions, state.executions),
        _same("reservations", reservations, replayed),
        _same("rate_windows", reader.rates(), state.rates),
    ]


def _same(table: str, stored: Mapping[Any, Any], replayed: Mapping[Any, Any]) -> Finding:
    if stored == replayed:
        return Finding(table, True, f"{len(stored)} rows equal the replay of the log")
    for key in sorted(stored.keys() | replayed.keys(), key=str):
        if key not in replayed:
            return Finding(table, False, f"row {key} is in no event of the log")
        if key not in stored:
            return Finding(table, False, f"row {key} is missing")
        if stored[key] != replayed[key]:
            altered = _difference(stored[key], replayed[key])
            return Finding(table, False, f"row {key} was altered: {altered}")
    return Finding(table, False, "differs from the replay")


def _difference(stored: Any, replayed: Any) -> str:
    names = getattr(stored, "__dataclass_fields__", None)
    if names is None:
        return f"{stored} stored, {replayed} by the log"
    return ", ".join(
        f"{name} is {getattr(stored, name)!r}, by the log {getattr(replayed, name)!r}"
        for name in names
        if getattr(stored, name) != getattr(replayed, name)
    )


def _balances(state: State, born: Mapping[str | None, int]) -> list[Finding]:
    reserved_at = {e.execution_id: e.seq for e in state.reservations if e.entry == "reserve"}
    spent: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for execution in state.executions.values():
        current: str | None = execution.agent
        while current is not None:
            agent = state.agents[current]
            # A name that was deleted and created again begins a new account.
            if reserved_at.get(execution.execution_id, 0) > born[current]:
                spent[current] += execution.actual_nanousd
                if execution.state in OPEN_STATES:
                    held[current] += execution.reserved_nanousd
            current = agent.parent
    wrong = [
        name
        for name, agent in state.agents.items()
        if (held[name], spent[name]) != (agent.reserved_nanousd, agent.spent_nanousd)
    ]
    ends: dict[str, int] = defaultdict(int)
    for entry in state.reservations:
        ends[entry.execution_id] += entry.entry != "reserve"
    doubled = [key for key, count in ends.items() if count > 1]
    return [
        Finding(
            "balances",
            not wrong,
            f"wrong for {', '.join(wrong)}" if wrong else f"{len(state.agents)} accounts add up",
        ),
        Finding(
            "settled once",
            not doubled,
            f"twice: {', '.join(doubled)}" if doubled else f"{len(ends)} reserves",
        ),
    ]
