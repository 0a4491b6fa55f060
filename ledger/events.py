"""What can happen to the books: the event, and the names of its types.

Owns: the event value and the canonical form of its payload.
Refuses to know: what an event does to the rows (evolve.py), how it is hashed (chain.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

LEDGER_CREATED = "ledger.created"
LEDGER_RESTORED = "ledger.restored"
GATEWAY_STARTED = "gateway.started"
GATEWAY_STOPPED = "gateway.stopped"
GATEWAY_CONFIGURED = "gateway.configured"
GATEWAY_FENCED = "gateway.fenced"
AGENT_CREATED = "agent.created"
AGENT_CREDITED = "agent.credited"
AGENT_WITHDRAWN = "agent.withdrawn"
AGENT_DELETED = "agent.deleted"
AGENT_LIMITS = "agent.limits"
AGENT_STATE = "agent.state"
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
BYPASS_SEEN = "bypass.seen"
EGRESS_SEEN = "egress.seen"
BULK_KEPT = "bulk.kept"
BULK_RESULTS = "bulk.results"
BULK_SETTLED = "bulk.settled"
TOOL_INSTALLED = "tool.installed"
TOOL_ENABLED = "tool.enabled"
TOOL_DISABLED = "tool.disabled"
TOOL_REMOVED = "tool.removed"


class Draft(NamedTuple):
    """An event that the kernel decided on, before the log gave it a place and a time."""

    type: str
    agent: str | None
    execution_id: str | None
    payload: Mapping[str, Any]


class Event(NamedTuple):
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


# The escape itself, not a backslash that is escaped and happens to stand before these letters.
_nul_escape = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Unstorable(ValueError):
    """A payload that no log can hold: half of a surrogate pair, a binary fraction."""


def canonical(payload: Mapping[str, Any]) -> str:
    """RFC 8785 (JCS) text of a payload. Raises Unstorable.

    orjson with sorted keys gives exactly that for what payloads hold: objects with ASCII keys,
    strings, booleans, null, lists and integers within 2^53; a test holds it to a JCS library.
    """
    if _has_fraction(payload):
        raise Unstorable("a binary fraction has no place in a payload")
    try:
        text = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise Unstorable(str(error)) from error
    # One text that an engine refuses would fail the whole batch, now and on every retry.
    if "\\u0000" in text and _nul_escape.search(text):
        raise Unstorable("a text holds NUL")
    return text


def _has_fraction(payload: Mapping[str, Any]) -> bool:
    for value in payload.values():
        kind = type(value)
        if kind is float or (kind is dict and _has_fraction(value)):
            return True
    return False


def storable(text: str) -> bool:
    """Whether every engine can hold a text: UTF-8 without NUL."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
