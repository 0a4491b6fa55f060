"""Rows of the log as values: the event, its links in the chain, and the head.

Owns: which columns a logged event is read from, and what counts as a hash.
Refuses to know: which events are asked for (read.py), what they mean (evolve.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.events import Event


class Head(NamedTuple):
    """Where the log ends."""

    seq: int
    event_hash: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as it stands in the log, with its links; hashes are 32 bytes."""

    event: Event
    prev: bytes
    digest: bytes
    version: int


def log_rows(model: Any) -> Any:
    """The query that `logged` takes the rows of; `model` is that of the log."""
    return model.select(
        model.seq,
        model.time_ns,
        model.agent,
        model.execution_id,
        model.type,
        model.payload,
        model.prev_hash,
        model.event_hash,
        model.version,
    )


def logged(row: Any) -> Logged:
    """One row; a column that holds no hash becomes b""."""
    seq, time_ns, agent, execution_id, kind, payload, prev, digest, version = row
    event = Event(seq, time_ns, agent, execution_id, kind, payload)
    return Logged(event, _digest(prev), _digest(digest), version)


def _digest(text: str) -> bytes:
    # An edited column may hold anything; what is no hash matches no hash.
    try:
        digest = bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""
    return digest if digest.hex() == text else b""
