"""The audit: do the log, the balances and the tables agree?

Owns: the laws that the books must keep, one finding a law. It reads and repairs nothing.
Refuses to know: how findings are shown.

Every projection is compared with a fold of the log, row by row; the balances are then summed a
second way, from the executions, so that a mistake in the fold itself would show.

The fold may begin where an earlier audit ended (audit_mark.py). Every table is compared in full
all the same; of the events before, only the stored hashes are looked at again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.audit_checkpoints import Evidence, check
from ledger.audit_mark import Mark
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


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one moment. The replay read the `events` of the log that follow `since`.

    `mark` is where the next audit can begin, and `root` the root of the tree there; None where a
    law is broken.
    """

    findings: list[Finding]
    events: int
    since: int
    root: bytes
    mark: Mark | None

    @property
    def holds(self) -> bool:
        """Whether every law holds."""
        return all(finding.holds for finding in self.findings)


def audit(reader: Reader, progress: Progress | None = None) -> list[Finding]:
    """All findings, of one moment. `progress` is told how many events have been read."""
    return examine(reader, progress).findings


def examine(
    reader: Reader,
    progress: Progress | None = None,
    evidence: Evidence | None = None,
    since: Mark | None = None,
) -> Report:
    """All findings, with what is known from elsewhere, of the log after `since` or of all of it.

    Whoever gives `since` has it from an audit that found nothing, and gives its signed root with
    the evidence: the stored hashes of the events before are held to that.
    """
    with reader.snapshot():
        return _audit(reader, progress, evidence or Evidence(), since)


def _audit(
    reader: Reader, progress: Progress | None, evidence: Evidence, since: Mark | None
) -> Report:
    head = reader.head()
    link, state = Link(), State()
    born: dict[str | None, int] = {}
    first = 0
    if since is not None:
        link, state = Link(since.seq, since.head, since.time_ns), since.state
        born, first = dict(since.born), since.seq
    fold_error = ""
    for logged in reader.log(after=first):
        if not link.check(logged.event, logged.prev, logged.digest, logged.version):
            break
        if logged.event.type == AGENT_CREATED:
            born[logged.event.agent] = logged.event.seq
        if not fold_error:
            fold_error = _fold(state, logged.event)
        if progress is not None and link.seq % 1000 == 0:
            progress(link.seq)
    seen = check(reader, evidence)
    findings = [
        Finding("chain", not link.broken, link.broken or _chain(link.seq, first)),
        _head(head.seq, head.event_hash, link),
        *(Finding(*law) for law in seen.laws),
    ]
    if fold_error:
        findings.append(Finding("replay", False, fold_error))
    else:
        findings += _projections(reader, state) + _balances(state, born)
    sound = all(finding.holds for finding in findings) and seen.size == link.seq
    mark = Mark(link.seq, link.head, link.time_ns, state, born) if sound else None
    return Report(findings, head.seq, first, seen.root, mark)


def _chain(seq: int, first: int) -> str:
    if not first:
        return f"{seq} events, gapless"
    return f"{seq - first} events, gapless, after event {first}, to which the last audit vouches"


def differences(reader: Reader, state: State) -> list[Finding]:
    """One finding a table: whether its rows are those of a replayed state.

    Log and tables are of one moment only if the caller read both in one snapshot.
    """
    return _projections(reader, state)


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
        _same("bulks", reader.bulks(), state.bulks),
        _same("tool_plugins", reader.tools(), state.tools),
        *_answers(reader, state),
    ]


def _answers(reader: Reader, state: State) -> list[Finding]:
    """Keys and stored answers that have not expired; expired ones may have been dropped."""
    now = reader.head().time_ns
    bindings = {(row.agent, row.key_hash): row for row in reader.bindings(now)}
    bound = {key: row for key, row in state.bindings.items() if row.expires_at > now}
    kept = {row.execution_id: row for row in state.answers.values() if row.expires_at > now}
    return [
        _same("idempotency", bindings, bound),
        _same("answers", {row.execution_id: row for row in reader.answers(now)}, kept),
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
    names = getattr(stored, "_fields", None)
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
        current: str | None = execution.account
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
        if (held[name], spent[name])
        != (agent.reserved_nanousd, agent.spent_nanousd + agent.spent_before_nanousd)
    ]
    ends: dict[str, int] = defaultdict(int)
    for entry in state.reservations:
        ends[entry.execution_id] += entry.entry in ("commit", "release")
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
