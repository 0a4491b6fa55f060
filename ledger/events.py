"""What can happen to the books: the event, and the names of its types.

Owns: the event value and the canonical form of its payload.
Refuses to know: what an event does to the rows (evolve.py), how it is hashed (chain.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEDGER_CREATED = "ledger.created"
LEDGER_RESTORED = "ledger.restored"
GATEWAY_STARTED = "gateway.started"
GATEWAY_STOPPED = "gateway.stopped"
GATEWAY_FENCED = "gateway.fenced"
AGENT_CREATED = "agent.created"
AGENT_CREDITED = "agent.credited"
AGENT_DELETED = "agent.deleted"
AGENT_LIMITS = "agent.limits"
WINDOW_STARTED = "agent.window"
TOKEN_ISSUED = "token.issued"
TOKEN_REVOKED = "token.revoked"
RESERVED = "execution.reserved"
DISPATCHED = "execution.dispatched"
COMMITTED = "execution.committed"
RELEASED = "execution.released"
DENIED = "execution.denied"
ADJUSTED = "execution.adjusted"
ANSWER_STORED = "answer.stored"
OVERRUN = "usage.overrun"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that the kernel decided on, before the log gave it a place and a time."""

    type: str
    agent: str | None
    execution_id: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log. `payload` is canonical JSON text; seq is gapless from 1."""

    seq: int
    time_ns: int
    agent: str | None
    execution_id: str | None
    type: str
    payload: str

    def data(self) -> Any:
        """The payload as Python values."""
        return json.loads(self.payload)


_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def canonical(payload: Mapping[str, Any]) -> str:
    """RFC 8785 (JCS) text of a payload.

    The standard encoder gives exactly that for what payloads hold: objects with ASCII keys,
    strings, booleans, null, lists and integers within 2^53; a test holds it to a JCS library.
    """
    return _encode(payload)


def storable(payload: str) -> bool:
    """Whether every engine can hold a canonical payload's strings: UTF-8 without NUL.

    One text that an engine refuses would fail the whole batch, now and on every retry.
    """
    if "\\u0000" in payload:
        return False
    return payload.isascii() or not any("\ud800" <= char <= "\udfff" for char in payload)
