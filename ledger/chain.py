"""The hash chain: canonical bytes of an event, its hash, and the check of a run of them.

Owns: the format `aex-event-v1`. It must never change; a new one gets a new version number.
Refuses to know: tables, engines, what events mean.

hash = SHA-256( domain | version | seq | time_ns | field(agent) | field(execution) | field(type)
                | field(payload) | prev ), integers as 8 bytes big-endian, each field its length
(8 bytes) and its UTF-8; an absent one has the length 2^64 - 1. Lengths make it injective.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from ledger.events import Event

VERSION = 1
GENESIS = bytes(32)
_DOMAIN = b"aex-event-v1\n"
_ABSENT = struct.pack(">Q", 2**64 - 1)
_HEAD = struct.Struct(">QQQ")
_LENGTH = struct.Struct(">Q")


def _field(text: str | None) -> bytes:
    if text is None:
        return _ABSENT
    raw = text.encode()
    return _LENGTH.pack(len(raw)) + raw


# Names and types come again and again.
_name = lru_cache(maxsize=1024)(_field)


def event_hash(event: Event, prev: bytes) -> bytes:
    """32 bytes that cover every column of the event and, through prev, all before it."""
    return sha256(
        b"".join(
            (
                _DOMAIN,
                _HEAD.pack(VERSION, event.seq, event.time_ns),
                _name(event.agent),
                _field(event.execution_id),
                _name(event.type),
                _field(event.payload),
                prev,
            )
        )
    ).digest()


def _hashes_to(event: Event, prev: bytes, stored: bytes) -> bool:
    try:
        return event_hash(event, prev) == stored
    except (struct.error, AttributeError, UnicodeError):
        # An edited column may hold what no event can: a negative time, a number for a text.
        return False


class Link:
    """Checks events one by one against the chain; remembers the first that does not fit."""

    def __init__(self, seq: int = 0, head: bytes = GENESIS, time_ns: int = 0) -> None:
        self.seq = seq
        self.head = head
        self.time_ns = time_ns
        self.broken: str = ""

    def check(self, event: Event, prev: bytes, stored: bytes, version: int = VERSION) -> bool:
        """True while the chain holds; after the first break, `broken` says where and why."""
        if self.broken:
            return False
        if event.seq != self.seq + 1:
            self.broken = f"event {self.seq + 1} is missing (the next one found is {event.seq})"
        elif prev != self.head:
            self.broken = f"event {event.seq} does not follow the one before it"
        elif version != VERSION:
            self.broken = f"event {event.seq} has the unknown format version {version}"
        elif not _hashes_to(event, prev, stored):
            self.broken = f"event {event.seq} ({event.type}) was altered"
        elif event.time_ns < self.time_ns:
            self.broken = f"event {event.seq} is older than the one before it"
        else:
            self.seq, self.head, self.time_ns = event.seq, stored, event.time_ns
        return not self.broken


def extend(events: Iterable[Event], prev: bytes) -> list[tuple[Event, bytes, bytes]]:
    """(event, prev, hash) for events that follow `prev`, in order."""
    linked = []
    for event in events:
        digest = event_hash(event, prev)
        linked.append((event, prev, digest))
        prev = digest
    return linked
