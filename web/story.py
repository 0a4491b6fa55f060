"""The whole story of one call: facts, estimate, verdict, events, timings, cost.

Owns: what is told of a call, for the API and the page alike.
Refuses to know: HTML, HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ledger import events
from ledger.activity import ActivityReader
from ledger.logged import Logged
from ledger.state import DENIED, Execution
from web.shapes import amounts, execution_shape, logged_shape


def story(
    reader: ActivityReader,
    execution_id: str,
    lines: Callable[[Execution], list[dict[str, Any]]] = lambda _execution: [],
) -> dict[str, Any] | None:
    """The document; None where there is no such call. All of it is of one moment.

    lines: what a call cost, line by line.
    """
    with reader.snapshot():
        row, logged = reader.execution(execution_id), reader.story(execution_id)
        checkpoints = reader.checkpoints(newest=True)
    if row is None:
        return None
    size = checkpoints[0].size if checkpoints else 0
    last = logged[-1].event.seq if logged else 0
    return {
        **execution_shape(row),
        "estimate": {
            **amounts(reserved=row.reserved_nanousd),
            "input_tokens_max": row.input_tokens_max,
            "output_tokens_cap": row.output_tokens_cap,
        },
        "verdict": _verdict(row, logged),
        "policy": policy_said(logged),
        "timings": _timings(row),
        "cost": {**_cost(row, logged), "lines": lines(row)},
        "events": [logged_shape(one) for one in logged],
        "proof": {
            "url": f"/admin/executions/{row.execution_id}/proof",
            "last_event": last,
            "checkpoint_size": size,
            "covered": 0 < last <= size,
        },
    }


def policy_said(logged: Sequence[Logged]) -> dict[str, Any] | None:
    """What the operator's policy said of a call; None where none was asked.

    hash: of the decision; shadow: what would have been refused; obligations: texts of plugins.
    """
    admissions = (events.RESERVED, events.DENIED)
    payloads = (one.event.data() for one in logged if one.event.type in admissions)
    said = next((payload["policy"] for payload in payloads if "policy" in payload), None)
    return said and {"hash": "", "shadow": [], "obligations": [], **said}


def _verdict(row: Execution, logged: Sequence[Logged]) -> dict[str, Any]:
    if row.state != DENIED:
        return {"admitted": True}
    denials = (one.event.data() for one in logged if one.event.type == events.DENIED)
    said: dict[str, Any] = next(denials, {})
    return {
        "admitted": False,
        "status": row.status_code,
        "code": said.get("code", row.reason.partition(":")[0]),
        "message": said.get("message", ""),
        "account": said.get("account") or row.account,
        **amounts(
            needed=said.get("needed_nanousd", 0),
            remaining=said.get("remaining_nanousd", 0),
        ),
    }


def _timings(row: Execution) -> dict[str, Any]:
    """Nanoseconds between the call's states; None for one that has not come."""
    end = row.terminal_at
    return {
        "admission_ns": row.dispatched_at - row.created_at if row.dispatched_at else None,
        "answer_ns": end - row.dispatched_at if end and row.dispatched_at else None,
        "total_ns": end - row.created_at if end else None,
    }


def _cost(row: Execution, logged: Sequence[Logged]) -> dict[str, Any]:
    """What was held, booked, given back, and billed above; every amount that was ever booked."""
    held, actual = row.reserved_nanousd, row.actual_nanousd
    ended = row.terminal_at > 0
    booked = [
        {
            "seq": one.event.seq,
            "type": one.event.type,
            **amounts(actual=one.event.data()["actual_nanousd"]),
            "reason": one.event.data().get("reason", ""),
        }
        for one in logged
        if one.event.type in (events.COMMITTED, events.ADJUSTED)
    ]
    return {
        **amounts(
            reserved=held,
            actual=actual,
            given_back=max(held - actual, 0) if ended else 0,
            over=max(actual - held, 0),
        ),
        "certainty": row.certainty,
        "usage_source": row.usage_source,
        "bookings": booked,
    }
