"""What each event does to the rows. The projections are this function folded over the log.

Owns: the meaning of every event type, in live traffic, recovery, replay and tests alike.
Refuses to know: whether the event should have happened (that was decided before).

expires_at and the other times inside payloads are nanoseconds, and so may lie above 2^53: they
are written as decimal strings there, because canonical JSON has no such integers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger import events
from ledger.administration import DELETED
from ledger.events import Event
from ledger.state import (
    COMMITTED,
    DENIED,
    DISPATCHED,
    RELEASED,
    RESERVED,
    Agent,
    Execution,
    Reservation,
    State,
    Token,
)


def evolve(state: State, event: Event, payload: Any = None) -> State:
    """The state after the event: the same object, its touched rows replaced.

    `payload` spares a parse where the caller still has the values of event.payload.
    """
    apply = _APPLY.get(event.type)
    if apply is not None:
        apply(state, event, payload if payload is not None else event.data())
    return state


def _put_agent(state: State, agent: Agent) -> None:
    state.agents[agent.name] = agent
    state.touched_agents.add(agent.name)


def _put_execution(state: State, execution: Execution) -> None:
    state.executions[execution.execution_id] = execution
    state.touched_executions.add(execution.execution_id)


def _shift(state: State, name: str, reserved: int, spent: int) -> None:
    """Moves the counters of an agent and of all accounts above it."""
    current: str | None = name
    while current is not None:
        agent = state.agents[current]
        moved = replace(
            agent,
            reserved_nanousd=agent.reserved_nanousd + reserved,
            spent_nanousd=agent.spent_nanousd + spent,
        )
        assert moved.reserved_nanousd >= 0, "holds never go below nothing"
        assert moved.spent_nanousd >= 0, "what was spent is never negative"
        _put_agent(state, moved)
        current = agent.parent


def _agent_created(state: State, event: Event, p: Any) -> None:
    assert event.agent is not None
    _put_agent(
        state,
        Agent(
            name=event.agent,
            kind=p["kind"],
            parent=p["parent"],
            budget_nanousd=p["budget_nanousd"],
            spent_nanousd=0,
            reserved_nanousd=0,
            rpm=p["rpm"],
            tpm=p["tpm"],
            on_short_budget=p["on_short_budget"],
            min_output_tokens=p["min_output_tokens"],
            lifecycle_state="READY",
            lifecycle_reason="",
            created_at=event.time_ns,
        ),
    )


def _agent_credited(state: State, event: Event, p: Any) -> None:
    assert event.agent is not None
    agent = state.agents[event.agent]
    _put_agent(state, replace(agent, budget_nanousd=agent.budget_nanousd + p["amount_nanousd"]))


def _agent_deleted(state: State, event: Event, p: Any) -> None:
    assert event.agent is not None
    agent = state.agents[event.agent]
    reason = f"deleted by {p['actor']}"
    _put_agent(state, replace(agent, lifecycle_state=DELETED, lifecycle_reason=reason))


def _token_issued(state: State, event: Event, p: Any) -> None:
    assert event.agent is not None
    token = Token(
        token_hash=p["token_hash"],
        token_id=p["token_id"],
        agent=event.agent,
        scope=p["scope"],
        label=p["label"],
        created_at=event.time_ns,
        expires_at=int(p["expires_at"]),
        revoked_at=0,
    )
    state.tokens[token.token_hash] = token
    state.touched_tokens.add(token.token_hash)


def _token_revoked(state: State, event: Event, p: Any) -> None:
    token = state.tokens[p["token_hash"]]
    state.tokens[token.token_hash] = replace(token, revoked_at=event.time_ns)
    state.touched_tokens.add(token.token_hash)


def _execution(event: Event, p: Any, **ends: Any) -> Execution:
    assert event.agent is not None
    assert event.execution_id is not None
    row: dict[str, Any] = {
        "reserved_nanousd": 0,
        "output_tokens_cap": 0,
        "dispatched_at": 0,
        "terminal_at": 0,
        "status_code": 0,
        "actual_nanousd": 0,
        "usage": "",
        "usage_source": "",
        "certainty": "",
        "reason": "",
    }
    return Execution(
        execution_id=event.execution_id,
        agent=event.agent,
        token_id=p["token_id"],
        gateway=p["gateway"],
        door=p["door"],
        provider=p["provider"],
        model=p["model"],
        endpoint=p["endpoint"],
        stream=p["stream"],
        fingerprint=p["fingerprint"],
        input_tokens_max=p["input_tokens_max"],
        created_at=event.time_ns,
        **(row | ends),
    )


def _reserved(state: State, event: Event, p: Any) -> None:
    amount = p["reserved_nanousd"]
    execution = _execution(
        event,
        p,
        state=RESERVED,
        reserved_nanousd=amount,
        output_tokens_cap=p["output_tokens_cap"],
    )
    _put_execution(state, execution)
    _shift(state, execution.agent, reserved=amount, spent=0)
    state.reservations.append(Reservation(execution.execution_id, "reserve", amount, event.seq))
    for key, tat in p["rates"].items():
        name, _, kind = key.rpartition("/")
        state.rates[(name, kind)] = int(tat)
        state.touched_rates.add((name, kind))


def _dispatched(state: State, event: Event, _p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    _put_execution(state, replace(execution, state=DISPATCHED, dispatched_at=event.time_ns))


def _committed(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    actual = p["actual_nanousd"]
    usage = p["usage"]
    _put_execution(
        state,
        replace(
            execution,
            state=COMMITTED,
            terminal_at=event.time_ns,
            status_code=p["status_code"],
            actual_nanousd=actual,
            usage=events.canonical(usage) if usage is not None else "",
            usage_source=p["usage_source"],
            certainty=p["certainty"],
            reason=p["reason"],
        ),
    )
    _shift(state, execution.agent, reserved=-execution.reserved_nanousd, spent=actual)
    state.reservations.append(Reservation(execution.execution_id, "commit", actual, event.seq))


def _released(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    _put_execution(
        state,
        replace(
            execution,
            state=RELEASED,
            terminal_at=event.time_ns,
            status_code=p["status_code"],
            reason=p["proof"],
        ),
    )
    amount = execution.reserved_nanousd
    _shift(state, execution.agent, reserved=-amount, spent=0)
    state.reservations.append(Reservation(execution.execution_id, "release", amount, event.seq))


def _denied(state: State, event: Event, p: Any) -> None:
    reason = f"{p['code']}: {p['message']}" if p["message"] else p["code"]
    execution = _execution(
        event,
        p,
        state=DENIED,
        terminal_at=event.time_ns,
        status_code=p["status_code"],
        reason=reason,
    )
    _put_execution(state, execution)


_APPLY: dict[str, Callable[[State, Event, Any], None]] = {
    events.AGENT_CREATED: _agent_created,
    events.AGENT_CREDITED: _agent_credited,
    events.AGENT_DELETED: _agent_deleted,
    events.TOKEN_ISSUED: _token_issued,
    events.TOKEN_REVOKED: _token_revoked,
    events.RESERVED: _reserved,
    events.DISPATCHED: _dispatched,
    events.COMMITTED: _committed,
    events.RELEASED: _released,
    events.DENIED: _denied,
}


def fold(history: list[Event]) -> State:
    """The books that a whole log stands for."""
    state = State()
    for event in history:
        evolve(state, event, json.loads(event.payload))
    return state
