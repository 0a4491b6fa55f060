"""The proof of one event (C2SP tlog-proof v1): a file that anyone can check without the ledger.

Owns: the file's format, and the steps from a leaf to a root that a known key signed.
Refuses to know: what the event says, how its hash is computed, where trusted keys come from.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.checkpoint import SIZE_MAX, Checkpoint, CheckpointError, decimal
from ledger.checkpoint import verify as verify_checkpoint
from ledger.errors import LedgerError
from ledger.merkle import HASH_BYTES, verify_inclusion
from ledger.note import NoteError, from_base64

_HEADER = "c2sp.org/tlog-proof@v1"
# The height of the largest tree.
_HASHES_MAX = 63


class ProofError(LedgerError):
    """The text is not a proof, or it does not prove; the message says which step failed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Leaf `index` is in the tree of a signed checkpoint. Nothing vouches for `extra`.

    The checkpoint stays as it came; only verify() judges it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= SIZE_MAX:
            raise ProofError(f"Reading the proof failed: {self.index} is not an index.")
        if len(self.hashes) > _HASHES_MAX:
            raise ProofError(f"Reading the proof failed: it has over {_HASHES_MAX} hashes.")
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise ProofError(
                f"Reading the proof failed: a hash of it does not have {HASH_BYTES} bytes."
            )

    def render(self) -> str:
        """The content of a `.tlog-proof` file."""
        extra = [f"extra {_base64(self.extra)}"] if self.extra else []
        hashes = [_base64(one) for one in self.hashes]
        head = [_HEADER, *extra, f"index {self.index}", *hashes]
        return "\n".join(head) + "\n\n" + self.checkpoint_note


def parse(text: str) -> Proof:
    """The proof in the content of a file; accepts exactly what render() gives."""
    head, gap, checkpoint_note = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != _HEADER:
        raise ProofError(f"Reading the proof failed: the first line is not {_HEADER}.")
    if not gap:
        raise ProofError("Reading the proof failed: no empty line stands before a checkpoint.")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra ")) or b""
        if not extra:
            raise ProofError("Reading the proof failed: the extra line holds no base64.")
    if not lines or not lines[0].startswith("index "):
        raise ProofError("Reading the proof failed: the index line is missing.")
    index = decimal(lines[0].removeprefix("index "))
    if index is None:
        raise ProofError("Reading the proof failed: the index line holds no index.")
    hashes = []
    for line in lines[1:]:
        raw = from_base64(line)
        if raw is None:
            raise ProofError(f"Reading the proof failed: {line!r} is not a hash in base64.")
        hashes.append(raw)
    return Proof(index, tuple(hashes), checkpoint_note, extra)


def verify(proof: Proof, leaf_hash: bytes, vkeys: Sequence[str], origin: str) -> Checkpoint:
    """The checkpoint whose tree has this leaf hash at `proof.index`, by a key of log `origin`.

    That the leaf is the right one is for the caller: compute `leaf_hash` from the event itself,
    and compare `proof.index` with its seq.
    """
    try:
        checkpoint = verify_checkpoint(proof.checkpoint_note, vkeys, origin)
    except NoteError as error:
        raise ProofError(f"Checking the signature failed: {error}") from error
    except CheckpointError as error:
        raise ProofError(f"Checking the checkpoint failed: {error}") from error
    if proof.index >= checkpoint.size:
        raise ProofError(
            f"Checking the index failed: the checkpoint covers {checkpoint.size} leaves,"
            f" and index {proof.index} is not among them."
        )
    if not verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        raise ProofError(
            f"Checking the inclusion failed: the hashes do not lead from this leaf at index"
            f" {proof.index} to the root that was signed."
        )
    return checkpoint


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
