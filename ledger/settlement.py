"""Settlement: the one end of an execution, and what may still follow it.

Owns: commit, release, recovery of what a lost gateway left open, and adjustment. Pure, as
admission is.
Refuses to know: how the actual cost was found.

The laws: an execution settles once, and a second settlement changes nothing; what the provider
billed is booked in full, also above the reserve (`usage.overrun`), and the agent then makes no
further call before it is topped up; a dispatched call is released only with a recorded proof that
it was not billed; a bill that comes after recovery has guessed is booked as an adjustment, never
lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import events
from ledger.commands import Adjust, Commit, Recover, Release
from ledger.events import Draft
from ledger.limits import given_back
from ledger.money import MAX_NANOUSD, show_usd
from ledger.outcomes import Outcome, Rejected, Settled
from ledger.state import (
    COMMITTED,
    DENIED,
    DISPATCHED,
    OPEN_STATES,
    RECOVERED,
    RELEASED,
    RESERVED,
    TERMINAL_STATES,
    Execution,
    State,
)


def commit(state: State, command: Commit, now: int) -> tuple[list[Draft], Outcome]:
    """Books what was billed; None books the reserve."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state not in OPEN_STATES:
        drafts, outcome = _after_the_end(execution, command)
        return [*drafts, *_kept(state, execution, command)], outcome
    actual = command.actual_nanousd
    if actual is None:
        actual = execution.reserved_nanousd
    assert 0 <= actual <= MAX_NANOUSD, "a bill is an amount that the log can hold"
    payload = {
        "actual_nanousd": actual,
        "certainty": command.certainty,
        "rates": given_back(state, execution, command.usage),
        "reason": command.reason,
        "status_code": command.status_code,
        "usage": dict(command.usage) if command.usage is not None else None,
        "usage_source": command.usage_source,
    }
    drafts = [Draft(events.COMMITTED, execution.agent, execution.execution_id, payload)]
    drafts += overrun(execution, actual)
    drafts += _kept(state, execution, command)
    if command.sealed is not None:
        sealed = command.sealed
        kept = {
            "digest": sealed.digest,
            "expires_at": str(now + sealed.ttl_ns),
            "size": sealed.size,
        }
        drafts.append(Draft(events.ANSWER_STORED, execution.agent, execution.execution_id, kept))
    return drafts, Settled(execution.execution_id, COMMITTED, actual, fresh=True)


def release(state: State, command: Release) -> tuple[list[Draft], Outcome]:
    """Gives the whole reserve back."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state not in OPEN_STATES:
        return [], _already(execution)
    assert command.proof, "a release names its proof"
    payload = {
        "proof": command.proof,
        "rates": given_back(state, execution, {}),
        "status_code": command.status_code,
    }
    draft = Draft(events.RELEASED, execution.agent, execution.execution_id, payload)
    return [draft], Settled(execution.execution_id, RELEASED, 0, fresh=True)


def recover(state: State, command: Recover, now: int) -> tuple[list[Draft], Outcome]:
    """RESERVED was never sent: released. DISPATCHED may have been billed: charged, uncertain."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state == RESERVED:
        proof = f"{RECOVERED} it was never dispatched"
        return release(state, Release(command.execution_id, 0, proof))
    if execution.state == DISPATCHED and command.policy == "release":
        proof = f"{RECOVERED} the operator's config says to release (recovery = release)"
        return release(state, Release(command.execution_id, 0, proof))
    if execution.state not in OPEN_STATES:
        return [], _already(execution)
    reason = f"{RECOVERED} the gateway was lost while the call was under way"
    guess = Commit(command.execution_id, None, 0, None, "estimated", "uncertain", reason)
    return commit(state, guess, now)


def adjust(state: State, command: Adjust) -> tuple[list[Draft], Outcome]:
    """Another amount for an execution that has ended; both amounts stay in the log."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"there is no execution {command.execution_id!r}")
    if execution.state not in (COMMITTED, RELEASED):
        ended = execution.state in TERMINAL_STATES
        why = "was never sent" if ended else "is still under way"
        return [], Rejected(f"execution {command.execution_id} {why}; there is nothing to adjust")
    if not 0 <= command.actual_nanousd <= MAX_NANOUSD:
        return [], Rejected(f"an amount is 0 or more, and at most {show_usd(MAX_NANOUSD)}")
    if not command.reason:
        return [], Rejected("an adjustment names its reason")
    draft = adjusted(execution, command.actual_nanousd, command.reason, command.actor)
    return [draft], Settled(
        execution.execution_id, execution.state, command.actual_nanousd, fresh=True
    )


def _after_the_end(execution: Execution, command: Commit) -> tuple[list[Draft], Outcome]:
    """A late bill replaces what recovery guessed; anything else changes nothing."""
    guessed = execution.reason.startswith(RECOVERED)
    actual = command.actual_nanousd
    if not guessed or actual is None or not 0 <= actual <= MAX_NANOUSD:
        return [], _already(execution)
    if command.certainty != "exact" and actual <= execution.actual_nanousd:
        return [], _already(execution)
    reason = "the gateway that was taken for lost reported the bill"
    usage = None if command.usage is None else (command.usage, command.usage_source)
    drafts = [adjusted(execution, actual, reason, "gateway", usage)]
    drafts += overrun(execution, actual)
    return drafts, Settled(execution.execution_id, execution.state, actual, fresh=True)


def _kept(state: State, execution: Execution, command: Commit) -> list[Draft]:
    """What the provider keeps of the call; the first execution of which that is told counts."""
    kept = command.kept
    if kept is None or kept.ref in state.bulks or execution.state == DENIED:
        return []
    payload = {"kind": kept.kind, "ref": kept.ref, "terms": kept.terms}
    return [Draft(events.BULK_KEPT, execution.agent, execution.execution_id, payload)]


def overrun(execution: Execution, actual: int) -> list[Draft]:
    """The event of a bill above the reserve, where it is one."""
    over = actual - execution.reserved_nanousd
    if over <= 0:
        return []
    payload = {
        "over_nanousd": over,
        "reserved_nanousd": execution.reserved_nanousd,
        "stops": execution.agent,
    }
    return [Draft(events.OVERRUN, execution.agent, execution.execution_id, payload)]


def adjusted(
    execution: Execution,
    actual: int,
    reason: str,
    actor: str,
    usage: tuple[Mapping[str, int], str] | None = None,
) -> Draft:
    """The event of another amount; usage: the counts it is made of, and where they are from."""
    payload: dict[str, Any] = {
        "actor": actor,
        "actual_nanousd": actual,
        "reason": reason,
        "replaced_nanousd": execution.actual_nanousd,
    }
    if usage is not None:
        payload |= {"usage": dict(usage[0]), "usage_source": usage[1]}
    return Draft(events.ADJUSTED, execution.agent, execution.execution_id, payload)


def _already(execution: Execution) -> Settled:
    return Settled(execution.execution_id, execution.state, execution.actual_nanousd, fresh=False)
