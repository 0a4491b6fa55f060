"""Settlement: the one end of an execution.

Owns: commit, release and recovery of what a lost gateway left open. Pure, as admission is.
Refuses to know: how the actual cost was found.

The laws: an execution settles once, and a second settlement changes nothing; what the provider
billed is booked in full, also above the reserve (`usage.overrun`); a dispatched call is released
only with a recorded proof that it was not billed.
"""

from __future__ import annotations

from ledger import events
from ledger.commands import Commit, Outcome, Recover, Rejected, Release, Settled
from ledger.events import Draft
from ledger.money import MAX_NANOUSD
from ledger.state import (
    COMMITTED,
    DISPATCHED,
    OPEN_STATES,
    RELEASED,
    RESERVED,
    Execution,
    State,
)


def commit(state: State, command: Commit) -> tuple[list[Draft], Outcome]:
    """Books what was billed; None books the reserve."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state not in OPEN_STATES:
        return [], _already(execution)
    actual = command.actual_nanousd
    if actual is None:
        actual = execution.reserved_nanousd
    assert 0 <= actual <= MAX_NANOUSD, "a bill is an amount that the log can hold"
    payload = {
        "actual_nanousd": actual,
        "certainty": command.certainty,
        "reason": command.reason,
        "status_code": command.status_code,
        "usage": dict(command.usage) if command.usage is not None else None,
        "usage_source": command.usage_source,
    }
    drafts = [Draft(events.COMMITTED, execution.agent, execution.execution_id, payload)]
    over = actual - execution.reserved_nanousd
    if over > 0:
        overrun = {"over_nanousd": over, "reserved_nanousd": execution.reserved_nanousd}
        drafts.append(Draft(events.OVERRUN, execution.agent, execution.execution_id, overrun))
    return drafts, Settled(execution.execution_id, COMMITTED, actual, fresh=True)


def release(state: State, command: Release) -> tuple[list[Draft], Outcome]:
    """Gives the whole reserve back."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state not in OPEN_STATES:
        return [], _already(execution)
    assert command.proof, "a release names its proof"
    payload = {"proof": command.proof, "status_code": command.status_code}
    draft = Draft(events.RELEASED, execution.agent, execution.execution_id, payload)
    return [draft], Settled(execution.execution_id, RELEASED, 0, fresh=True)


def recover(state: State, command: Recover) -> tuple[list[Draft], Outcome]:
    """RESERVED was never sent: released. DISPATCHED may have been billed: charged, uncertain."""
    execution = state.executions.get(command.execution_id)
    if execution is None:
        return [], Rejected(f"no execution {command.execution_id}")
    if execution.state == RESERVED:
        proof = "recovered: it was never dispatched"
        return release(state, Release(command.execution_id, 0, proof))
    if execution.state == DISPATCHED and command.policy == "release":
        proof = "recovered: the operator's config says to release (recovery = release)"
        return release(state, Release(command.execution_id, 0, proof))
    reason = "recovered: the gateway was lost while the call was under way"
    return commit(
        state, Commit(command.execution_id, None, 0, None, "estimated", "uncertain", reason)
    )


def _already(execution: Execution) -> Settled:
    return Settled(execution.execution_id, execution.state, execution.actual_nanousd, fresh=False)
