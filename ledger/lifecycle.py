"""Lifecycle: which state an account may be put into, and from which.

Owns: the states, the moves between them, and the act of moving, an event with actor and reason.
Refuses to know: what a state means for calls (admission.py for new ones, standing.py for those
under way), who asks.

An account is made READY. Whoever may go on with little ado is PAUSED; what went wrong is
QUARANTINED, and comes back by ERROR_RECOVERY alone, so that nobody lets it go on unlooked-at.
STOPPING takes no new call and lets those under way finish; STOPPED ends them. DECOMMISSIONED is
not moved to but deleted into, because tokens end with it.
"""

from __future__ import annotations

from ledger import events
from ledger.admin_commands import SetState
from ledger.administration import missing
from ledger.events import Draft
from ledger.outcomes import Done, Outcome, Rejected
from ledger.state import DELETED, State

_REASON_MAX = 500

MOVES: dict[str, tuple[str, ...]] = {
    "REGISTERED": ("READY", "PAUSED", "STOPPED", "QUARANTINED"),
    "READY": ("RUNNING", "PAUSED", "STOPPING", "STOPPED", "QUARANTINED"),
    "RUNNING": ("READY", "PAUSED", "STOPPING", "STOPPED", "QUARANTINED"),
    "PAUSED": ("READY", "RUNNING", "STOPPING", "STOPPED", "QUARANTINED"),
    "STOPPING": ("STOPPED", "QUARANTINED"),
    "STOPPED": ("READY", "QUARANTINED"),
    "QUARANTINED": ("ERROR_RECOVERY", "STOPPED"),
    "ERROR_RECOVERY": ("READY", "STOPPED", "QUARANTINED"),
}

# What an operator may ask for.
GOALS = tuple(sorted({to for goals in MOVES.values() for to in goals}))


def set_state(state: State, command: SetState) -> tuple[list[Draft], Outcome]:
    """Moves an account; one that is there already stays, with no event and no new reason."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    agent = state.agents[command.name]
    problem = _unfit(agent.lifecycle_state, command)
    if problem:
        return [], Rejected(problem)
    if command.state == agent.lifecycle_state:
        return [], Done(command.name)
    payload = {
        "actor": command.actor,
        "from": agent.lifecycle_state,
        "reason": command.reason,
        "to": command.state,
    }
    return [Draft(events.AGENT_STATE, command.name, None, payload)], Done(command.name)


def _unfit(now_in: str, command: SetState) -> str:
    if command.state == DELETED:
        return f"an account ends by `aex agent delete {command.name}`, which ends its tokens too"
    if command.state not in GOALS:
        return f"a state is one of {', '.join(GOALS)}, not {command.state!r}"
    if not command.reason.strip():
        return "a change of state names its reason"
    if len(command.reason) > _REASON_MAX:
        return f"a reason has {_REASON_MAX} characters at most"
    goals = MOVES.get(now_in, ())
    if command.state != now_in and command.state not in goals:
        return (
            f"{command.name} is {now_in}, and goes from there to "
            f"{' or '.join(goals)}, not to {command.state}"
        )
    return ""
