"""What each event does to the rows. The projections are this function folded over the log.

Owns: the meaning of every event type, in live traffic, recovery, replay and tests alike. What is
not listed is only told, and moves no row: starts and stops of gateways, bypasses.
Refuses to know: whether the event should have happened (that was decided before).

expires_at and the other times inside payloads are nanoseconds, and so may lie above 2^53: they
are written as decimal strings there, because canonical JSON has no such integers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ledger import events, evolve_accounts, evolve_tools
from ledger.events import Event
from ledger.evolve_accounts import put_agent, put_rates
from ledger.state import (
    COMMITTED,
    DENIED,
    DISPATCHED,
    RECOVERED,
    RELEASED,
    RESERVED,
    Answer,
    Binding,
    Bulk,
    Execution,
    Reservation,
    State,
)


def evolve(state: State, event: Event, payload: Any = None) -> State:
    """The state after the event: the same object, its touched rows replaced.

    `payload` spares a parse where the caller still has the values of event.payload.
    """
    apply = _APPLY.get(event.type)
    if apply is not None:
        apply(state, event, payload if payload is not None else event.data())
    return state


def _put_execution(state: State, execution: Execution) -> None:
    state.executions[execution.execution_id] = execution
    state.touched_executions.add(execution.execution_id)


def _shift(state: State, execution: Execution, reserved: int, spent: int) -> None:
    """Moves the counters of the account that pays and of all accounts above it."""
    current: str | None = execution.account
    while current is not None:
        agent = state.agents[current]
        current = agent.parent
        if agent.created_at > execution.created_at:
            # Deleted and created again since: this call is not on the new account's bill.
            continue
        in_window = agent.spent_nanousd + spent
        moved = agent._replace(
            reserved_nanousd=agent.reserved_nanousd + reserved,
            spent_nanousd=max(in_window, 0),
            # What is taken back may have been spent before the window began.
            spent_before_nanousd=agent.spent_before_nanousd + min(in_window, 0),
        )
        assert moved.reserved_nanousd >= 0, "holds never go below nothing"
        assert moved.spent_before_nanousd >= 0, "what was spent is never negative"
        put_agent(state, moved)


def _execution(
    event: Event,
    p: Any,
    *,
    state: str,
    reserved_nanousd: int = 0,
    output_tokens_cap: int = 0,
    terminal_at: int = 0,
    status_code: int = 0,
    reason: str = "",
) -> Execution:
    assert event.agent is not None
    assert event.execution_id is not None
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
        state=state,
        reserved_nanousd=reserved_nanousd,
        input_tokens_max=p["input_tokens_max"],
        output_tokens_cap=output_tokens_cap,
        created_at=event.time_ns,
        dispatched_at=0,
        terminal_at=terminal_at,
        status_code=status_code,
        actual_nanousd=0,
        usage="",
        usage_source="",
        certainty="",
        reason=reason,
        account=p.get("payer", event.agent),
        retry_of=p.get("retry_of", ""),
        idempotency_key=p.get("idempotency_key", ""),
        tpm_cells=p.get("tpm_cells", 0),
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
    _shift(state, execution, reserved=amount, spent=0)
    state.reservations.append(Reservation(execution.execution_id, "reserve", amount, event.seq))
    put_rates(state, p)
    if execution.idempotency_key:
        key = (execution.agent, execution.idempotency_key)
        expires_at = int(p["key_expires_at"])
        state.bindings[key] = Binding(
            *key, execution.execution_id, execution.fingerprint, expires_at
        )
        state.touched_bindings.add(key)


def _dispatched(state: State, event: Event, _p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    _put_execution(state, execution._replace(state=DISPATCHED, dispatched_at=event.time_ns))


def _committed(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    actual = p["actual_nanousd"]
    usage = p["usage"]
    _put_execution(
        state,
        execution._replace(
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
    _shift(state, execution, reserved=-execution.reserved_nanousd, spent=actual)
    put_rates(state, p)
    state.reservations.append(Reservation(execution.execution_id, "commit", actual, event.seq))


def _released(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    _put_execution(
        state,
        execution._replace(
            state=RELEASED,
            terminal_at=event.time_ns,
            status_code=p["status_code"],
            reason=p["proof"],
        ),
    )
    amount = execution.reserved_nanousd
    _shift(state, execution, reserved=-amount, spent=0)
    put_rates(state, p)
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


def _adjusted(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    actual = p["actual_nanousd"]
    usage = p.get("usage")
    reason = p["reason"]
    if execution.reason.startswith(RECOVERED) and p["actor"] != "gateway":
        # Still a guess, if a better one: the gateway's true bill may yet come.
        reason = f"{RECOVERED} {reason}"
    _put_execution(
        state,
        execution._replace(
            actual_nanousd=actual,
            certainty="adjusted",
            reason=reason,
            usage=events.canonical(usage) if usage is not None else execution.usage,
            usage_source=p.get("usage_source", execution.usage_source),
        ),
    )
    _shift(state, execution, reserved=0, spent=actual - execution.actual_nanousd)
    state.reservations.append(Reservation(execution.execution_id, "adjust", actual, event.seq))


def _overrun(state: State, event: Event, p: Any) -> None:
    """The agent makes no further call until it is topped up."""
    assert event.execution_id is not None
    execution = state.executions[event.execution_id]
    # Events of an earlier schema stopped nobody.
    agent = state.agents.get(p.get("stops", ""))
    if agent is not None and agent.created_at <= execution.created_at:
        put_agent(state, agent._replace(stopped_by=execution.execution_id))


def _answer_stored(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    state.answers[event.execution_id] = Answer(
        event.execution_id, p["digest"], p["size"], int(p["expires_at"])
    )


def _bulk_kept(state: State, event: Event, p: Any) -> None:
    assert event.execution_id is not None
    _put_bulk(state, Bulk(p["ref"], p["kind"], event.execution_id, p["terms"], "", 0))


def _bulk_results(state: State, _event: Event, p: Any) -> None:
    _put_bulk(state, state.bulks[p["ref"]]._replace(results=p["results"]))


def _bulk_settled(state: State, event: Event, p: Any) -> None:
    _put_bulk(state, state.bulks[p["ref"]]._replace(settled_at=event.time_ns))


def _put_bulk(state: State, bulk: Bulk) -> None:
    state.bulks[bulk.ref] = bulk
    state.touched_bulks.add(bulk.ref)


_APPLY: dict[str, Callable[[State, Event, Any], None]] = {
    **evolve_accounts.APPLY,
    **evolve_tools.APPLY,
    events.RESERVED: _reserved,
    events.DISPATCHED: _dispatched,
    events.COMMITTED: _committed,
    events.RELEASED: _released,
    events.DENIED: _denied,
    events.ADJUSTED: _adjusted,
    events.OVERRUN: _overrun,
    events.ANSWER_STORED: _answer_stored,
    events.BULK_KEPT: _bulk_kept,
    events.BULK_RESULTS: _bulk_results,
    events.BULK_SETTLED: _bulk_settled,
}


def fold(history: list[Event]) -> State:
    """The books that a whole log stands for."""
    state = State()
    for event in history:
        evolve(state, event, json.loads(event.payload))
    return state
