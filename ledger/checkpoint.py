"""The checkpoint (C2SP tlog-checkpoint): what a log commits to, as the text of a signed note.

Owns: the format, and opening a signed checkpoint of an expected log.
Refuses to know: when checkpoints are made, where they are kept, whether two are consistent.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import LedgerError
from ledger.merkle import HASH_BYTES, empty_root
from ledger.note import from_base64, is_clean
from ledger.note import verify as verify_note

# Both engines count events in 64 bits with a sign.
SIZE_MAX = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointError(LedgerError):
    """The text is not a checkpoint, or it is one of another log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` has `size` events, and `root` is the root of their tree."""

    origin: str
    size: int
    root: bytes
    extension_lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(_is_line(line) for line in (self.origin, *self.extension_lines)):
            raise CheckpointError(
                "The origin and extension lines of a checkpoint must be single lines"
                " of UTF-8, not empty and without control characters."
            )
        if not 0 <= self.size <= SIZE_MAX:
            raise CheckpointError(f"{self.size} is not the size of a tree.")
        if len(self.root) != HASH_BYTES:
            raise CheckpointError(f"The root hash of a checkpoint must have {HASH_BYTES} bytes.")
        if self.size == 0 and self.root != empty_root():
            raise CheckpointError("The checkpoint says 0 events with the root of a larger tree.")

    def text(self) -> str:
        """The text that is signed."""
        root = b64encode(self.root).decode()
        lines = (self.origin, str(self.size), root, *self.extension_lines)
        return "".join(line + "\n" for line in lines)


def decimal(text: str) -> int | None:
    """The number of a tree size or index; None unless it is in its one canonical form."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        return None
    return int(text)


def parse(text: str) -> Checkpoint:
    """The checkpoint that a note's text states; accepts exactly what text() gives."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():
        raise CheckpointError(
            "A checkpoint is three lines or more (origin, size, root), each ended by a newline."
        )
    origin, digits, encoded, *extension_lines = lines
    size = decimal(digits)
    if size is None:
        raise CheckpointError(f"The checkpoint's second line {digits!r} is not a tree size.")
    root = from_base64(encoded)
    if root is None:
        raise CheckpointError(f"The checkpoint's third line {encoded!r} is not base64.")
    return Checkpoint(origin, size, root, tuple(extension_lines))


def verify(signed: str, vkeys: Sequence[str], origin: str) -> Checkpoint:
    """The checkpoint in a signed note, if one of `vkeys` signed it and it is of log `origin`.

    `vkeys` are keys of that log: a witness that also signs says less. Raises NoteError for the
    signature and CheckpointError for the rest.
    """
    text, _ = verify_note(signed, vkeys)
    checkpoint = parse(text)
    if checkpoint.origin != origin:
        raise CheckpointError(
            f"The checkpoint is of the log {checkpoint.origin!r}, not of {origin!r}."
        )
    return checkpoint


def _is_line(line: str) -> bool:
    return bool(line) and "\n" not in line and is_clean(line)
