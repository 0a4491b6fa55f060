"""Rows of the books as the command line and the admin API give them out.

Owns: the keys of the JSON documents (they only ever grow), times as text, amounts as text.
Refuses to know: queries, tables on a screen.
"""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any

from ledger.balance import current
from ledger.caps import parse
from ledger.events import Event
from ledger.logged import Logged
from ledger.money import show_usd
from ledger.reached import Seen
from ledger.state import (
    DISABLED,
    ENABLED,
    OPEN_STATES,
    STATES,
    Agent,
    Execution,
    Token,
    ToolPlugin,
)
from ledger.windows import end_of

# How many hosts beside the providers are told of an account.
SHOWN_HOSTS = 20

_SECOND = 1_000_000_000


def iso(time_ns: int) -> str | None:
    """A time in UTC (ISO 8601, nanoseconds); None for 0, which is "not yet" or "never"."""
    if not time_ns:
        return None
    seconds, fraction = divmod(time_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def short(time_ns: int) -> str:
    """A time for a table: UTC, to the second."""
    if not time_ns:
        return "-"
    return f"{datetime.fromtimestamp(time_ns // _SECOND, UTC):%Y-%m-%d %H:%M:%S}"


def usd(nanousd: int) -> str:
    """An exact amount as a plain decimal, such as 1000.25."""
    return show_usd(nanousd).replace("$", "").replace(",", "")


def amounts(**nanousd: int) -> dict[str, Any]:
    """Each amount twice: `x_nanousd`, the integer that counts, and `x_usd`, exact text."""
    shape: dict[str, Any] = {}
    for name, value in nanousd.items():
        shape |= {f"{name}_nanousd": value, f"{name}_usd": usd(value)}
    return shape


def agent_shape(agent: Agent, now_ns: int) -> dict[str, Any]:
    """An account with its balances; with a budget window, those of the current one."""
    agent = current(agent, now_ns)
    return {
        "name": agent.name,
        "kind": agent.kind,
        "parent": agent.parent,
        "lifecycle_state": agent.lifecycle_state,
        "lifecycle_reason": agent.lifecycle_reason,
        **amounts(
            budget=agent.budget_nanousd,
            spent=agent.spent_nanousd,
            reserved=agent.reserved_nanousd,
            remaining=agent.remaining_nanousd,
        ),
        "budget_window": agent.budget_window,
        "window_resets_at": iso(end_of(agent.budget_window, now_ns)),
        "spent_before_nanousd": agent.spent_before_nanousd,
        "lifetime_spent_nanousd": agent.spent_before_nanousd + agent.spent_nanousd,
        "rpm": agent.rpm,
        "tpm": agent.tpm,
        "on_short_budget": agent.on_short_budget,
        "min_output_tokens": agent.min_output_tokens,
        "caps": caps_shape(agent.caps),
        "stopped_by": agent.stopped_by or None,
        "created_at": iso(agent.created_at),
        "expires_at": iso(agent.expires_at),
    }


def caps_shape(text: str) -> dict[str, Any] | None:
    """The caps that an account has, by name; null where this program cannot read them."""
    if parse(text) is None:
        return None
    shape: dict[str, Any] = json.loads(text) if text else {}
    return shape


def token_state(token: Token, now_ns: int) -> str:
    """active, expired or revoked."""
    if token.revoked_at:
        return "revoked"
    return "expired" if token.expires_at and token.expires_at <= now_ns else "active"


def token_shape(token: Token, now_ns: int) -> dict[str, Any]:
    """A token, of which nothing is shown that could be used."""
    return {
        "token_id": token.token_id,
        "account": token.account,
        "scope": token.scope,
        "label": token.label,
        "state": token_state(token, now_ns),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "revoked_at": iso(token.revoked_at),
    }


def tool_shape(tool: ToolPlugin) -> dict[str, Any]:
    """A tool with its manifest; null where that is no JSON."""
    try:
        manifest = json.loads(tool.manifest)
    except ValueError:
        manifest = None
    return {
        "name": tool.name,
        "version": tool.version,
        "state": tool.state,
        **amounts(cost=tool.cost_nanousd),
        "sha256": tool.sha256,
        "digest": tool.digest,
        "installed_at": iso(tool.installed_at),
        "changed_at": iso(tool.changed_at),
        "manifest": manifest,
    }


def reached_shape(seen: Seen) -> dict[str, Any]:
    """A host beside the providers; port null stands for all that are not told singly."""
    row = seen._asdict()
    return {**row, "time_ns": str(seen.time_ns), "port": seen.port or None, "at": iso(seen.time_ns)}


def execution_shape(execution: Execution) -> dict[str, Any]:
    """One call. What is not known yet is null."""
    row = execution._asdict()
    for inner in ("idempotency_key", "tpm_cells"):
        del row[inner]
    row["stream"] = bool(execution.stream)
    row["status_code"] = execution.status_code or None
    row["retry_of"] = execution.retry_of or None
    row["usage"] = json.loads(execution.usage) if execution.usage else None
    for name in ("created_at", "dispatched_at", "terminal_at"):
        row[name] = iso(row[name])
    row["open"] = execution.state in OPEN_STATES
    return row


def listed_shape(execution: Execution, shadowed: Container[str]) -> dict[str, Any]:
    """A call as lists have it. shadowed: the ids of those that a policy in shadow would have
    refused or made smaller."""
    return execution_shape(execution) | {"shadowed": execution.execution_id in shadowed}


def event_shape(event: Event) -> dict[str, Any]:
    """What an event says."""
    return {
        "seq": event.seq,
        "time": iso(event.time_ns),
        "type": event.type,
        "agent": event.agent,
        "execution_id": event.execution_id,
        "payload": event.data(),
    }


def logged_shape(logged: Logged) -> dict[str, Any]:
    """An event with its links in the chain."""
    links = {"prev_hash": logged.prev.hex(), "event_hash": logged.digest.hex()}
    return event_shape(logged.event) | links


def account_schema() -> dict[str, Any]:
    """JSON Schema of agent_shape."""
    text, optional, whole = {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}
    money = ("budget", "spent", "reserved", "remaining")
    return schema_of(
        name=text,
        kind={"type": "string", "enum": ["team", "agent", "run"]},
        parent=optional,
        lifecycle_state=text,
        lifecycle_reason=text,
        **{f"{name}_nanousd": whole for name in money},
        **{f"{name}_usd": text for name in money},
        budget_window=text,
        rpm=whole,
        tpm=whole,
        stopped_by=optional,
        created_at=optional,
        expires_at=optional,
    )


def tool_schema() -> dict[str, Any]:
    """JSON Schema of tool_shape."""
    text = {"type": "string"}
    texts = ("name", "version", "cost_usd", "sha256", "digest", "installed_at", "changed_at")
    return schema_of(
        **dict.fromkeys(texts, text),
        state={"type": "string", "enum": [ENABLED, DISABLED]},
        cost_nanousd={"type": "integer"},
        manifest={"type": ["object", "null"]},
    )


def execution_schema() -> dict[str, Any]:
    """JSON Schema of execution_shape."""
    text, optional, whole = {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}
    texts = ("execution_id", "agent", "account", "door", "provider", "model", "endpoint", "reason")
    return schema_of(
        **dict.fromkeys(texts, text),
        state={"type": "string", "enum": list(STATES)},
        reserved_nanousd=whole,
        actual_nanousd=whole,
        status_code={"type": ["integer", "null"]},
        usage={"type": ["object", "null"]},
        stream={"type": "boolean"},
        open={"type": "boolean"},
        created_at=optional,
        dispatched_at=optional,
        terminal_at=optional,
    )


def listed_schema() -> dict[str, Any]:
    """JSON Schema of listed_shape."""
    return schema_of(**execution_schema()["properties"], shadowed={"type": "boolean"})


def schema_of(**properties: Any) -> dict[str, Any]:
    """JSON Schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}
