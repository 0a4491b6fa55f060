"""What of a file is durable, and what of the rest a loss of power may leave.

Owns: the model of a disk between two syncs. Writes reach it by the sector, in any order, or not
at all; a deletion reaches it with its directory.
Refuses to know: SQLite, when the power goes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes from an offset on."""

    offset: int
    data: bytes

    def sectors(self) -> Iterator[Write]:
        """The parts that a disk writes as a whole or not at all."""
        start, end = self.offset, self.offset + len(self.data)
        while start < end:
            stop = min(end, (start // SECTOR + 1) * SECTOR)
            yield Write(start, self.data[start - self.offset : stop - self.offset])
            start = stop


@dataclass(frozen=True, slots=True)
class Resize:
    """A new length; None deletes the file."""

    size: int | None


Change = Write | Resize
DELETED = Resize(None)


def apply(content: bytearray | None, changes: Sequence[Change]) -> bytearray | None:
    """The content after the changes; None is a file that is not there."""
    for change in changes:
        if isinstance(change, Resize):
            content = None if change.size is None else _resized(content, change.size)
        else:
            end = change.offset + len(change.data)
            content = _resized(content, max(end, len(content or b"")))
            content[change.offset : end] = change.data
    return content


def _resized(content: bytearray | None, size: int) -> bytearray:
    content = bytearray() if content is None else content
    del content[size:]
    content.extend(bytes(size - len(content)))
    return content


class Image:
    """One file: what is durable, and what was done since the last sync."""

    def __init__(self, path: Path | None) -> None:
        there = path is not None and path.exists()
        self.durable = bytearray(path.read_bytes()) if path is not None and there else None
        self.unsynced: list[Change] = []

    def sync(self) -> None:
        """Everything that was done is durable."""
        self.durable = apply(self.durable, self.unsynced)
        self.unsynced = []

    def sync_name(self) -> None:
        """The directory was synced: if the file was deleted, that is durable."""
        while DELETED in self.unsynced:
            del self.unsynced[: self.unsynced.index(DELETED) + 1]
            self.durable = None

    def left(self, chance: random.Random | None) -> bytearray | None:
        """What a loss of power leaves: nothing, all, a torn beginning or any sectors of it.

        Any part may be missing, so writes also reach the disk in any order: where two went to
        the same sector, either is found. Without chance, all that was not synced is gone.
        """
        kept = bytearray(self.durable) if self.durable is not None else None
        if chance is None:
            return kept
        changes = list(self.unsynced)
        if DELETED in changes:
            # What follows a deletion was done to another file of the same name.
            place = changes.index(DELETED)
            if chance.random() < 0.5:
                del changes[place:]
            else:
                del changes[: place + 1]
                kept = None
        return apply(kept, _survivors(changes, chance))


def _survivors(changes: Sequence[Change], chance: random.Random) -> list[Change]:
    parts: list[Change] = []
    for change in changes:
        parts.extend(change.sectors() if isinstance(change, Write) else (change,))
    match chance.choice(("nothing", "all", "beginning", "any")):
        case "nothing":
            return []
        case "all":
            return parts
        case "beginning":
            return parts[: chance.randint(0, len(parts))]
    return [part for part in parts if chance.random() < 0.5]
