"""Proofs of single events: made from the log, checked with a public key and nothing else.

Owns: what stands in a proof's `extra`: all columns of the event and the hash before it, so that
its own hash can be computed again, and nobody need trust the words beside the proof.
Refuses to know: files, keys, the rest of the log.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger import chain, proof
from ledger.checkpoint import Checkpoint
from ledger.errors import IntegrityBroken
from ledger.events import Event, canonical
from ledger.logged import Logged
from ledger.merkle import inclusion_proof, leaf_hash
from ledger.proof import Proof, ProofError
from ledger.read import Reader


@dataclass(frozen=True, slots=True)
class Proven:
    """An event, and the signed checkpoint of a log that has it at its place."""

    event: Event
    event_hash: bytes
    checkpoint: Checkpoint


def prove(reader: Reader, logged: Logged, size: int, note: str) -> Proof:
    """That the event is among the first `size`, whose checkpoint `note` is. Reads their hashes."""
    event = logged.event
    leaves = []
    for seq, event_hash in reader.hashes():
        if seq > size:
            break
        leaves.append(leaf_hash(bytes.fromhex(event_hash)))
    if len(leaves) != size:
        raise IntegrityBroken(f"the log lacks events that its checkpoint of {size} covers")
    hashes = inclusion_proof(leaves, event.seq - 1, size)
    return Proof(event.seq - 1, tuple(hashes), note, _extra(logged))


def verify(text: str, vkeys: Sequence[str]) -> Proven:
    """What the text of a proof proves. Raises ProofError, which names the step that failed."""
    given = proof.parse(text)
    event, prev = _event(given.extra)
    if event.seq - 1 != given.index:
        raise ProofError(
            f"Checking the place failed: the event has seq {event.seq}, the proof is of leaf "
            f"{given.index}."
        )
    digest = chain.event_hash(event, prev)
    origin = given.checkpoint_note.partition("\n")[0]
    # A key's name is the log that it signs: no other log's key vouches for this one.
    own = [vkey for vkey in vkeys if vkey.partition("+")[0] == origin]
    if not own:
        raise ProofError(f"Checking the signature failed: no key of the log {origin!r} was given.")
    return Proven(event, digest, proof.verify(given, leaf_hash(digest), own, origin))


def _extra(logged: Logged) -> bytes:
    event = logged.event
    # Times are above 2^53, where JSON's numbers end for many readers.
    return canonical(
        {
            "agent": event.agent,
            "execution_id": event.execution_id,
            "payload": event.payload,
            "prev_hash": logged.prev.hex(),
            "seq": event.seq,
            "time_ns": str(event.time_ns),
            "type": event.type,
            "version": logged.version,
        }
    ).encode()


def _event(extra: bytes) -> tuple[Event, bytes]:
    try:
        said: Any = json.loads(extra)
        prev = bytes.fromhex(said["prev_hash"])
        event = Event(
            int(said["seq"]),
            int(said["time_ns"]),
            _text(said["agent"]),
            _text(said["execution_id"]),
            str(said["type"]),
            str(said["payload"]),
        )
        event.data()
        fits = said["version"] == chain.VERSION and len(prev) == len(chain.GENESIS)
        fits = fits and 0 < event.seq < 2**63 and 0 <= event.time_ns < 2**63
    except (ValueError, TypeError, LookupError) as error:
        raise ProofError("Reading the event failed: the extra line holds no event.") from error
    if not fits:
        raise ProofError("Reading the event failed: it is of no format that this AEX knows.")
    return event, prev


def _text(value: Any) -> str | None:
    return value if value is None else str(value)
