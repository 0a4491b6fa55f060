"""What a signed checkpoint vouches for, and when one that the log contradicts is no alarm.

Owns: a log's name for signing, the row of a checkpoint, recorded restores, the words of an alarm.
Refuses to know: tables, signatures, trees.

A log that was restored goes on in a new epoch, and its checkpoints say which (an extension line,
after the root). Two restores of one back-up give two logs with different lines: the random id
differs even where the second did not know of the first and took its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from ledger.checkpoint import CheckpointError, parse
from ledger.errors import IntegrityBroken

RESTORED = "ledger.restored"

_LINE = "aex-restored"
# Fifteen digits are within what JSON holds exactly.
_SAID = re.compile(rf"{_LINE} ([1-9][0-9]{{0,14}})(?: ([0-9a-f]{{1,64}}))?")


class Taken(NamedTuple):
    """A row of the table `checkpoints`; root is in hex, `note` is the signed checkpoint."""

    size: int
    root: str
    time_ns: int
    note: str


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a log has been since its newest restore; number 0 and no id before the first."""

    number: int = 0
    restore_id: str = ""

    def lines(self) -> tuple[str, ...]:
        """Itself as extension lines of a checkpoint."""
        return (f"{_LINE} {self.number} {self.restore_id}".rstrip(),) if self.number else ()

    def matches(self, said: Epoch) -> bool:
        """Whether a checkpoint that says this was signed in it; older ones say no id."""
        return self.number == said.number and said.restore_id in {self.restore_id, ""}

    def words(self) -> str:
        """Itself in an alarm; "" before the first restore."""
        if not self.number:
            return ""
        return f" (signed in epoch {self.number}, restore {self.restore_id or 'without an id'})"


def epoch_of(lines: Iterable[str]) -> Epoch:
    """The epoch that a checkpoint's extension lines name."""
    for line in lines:
        found = _SAID.fullmatch(line)
        if found is not None:
            return Epoch(int(found[1]), found[2] or "")
    return Epoch()


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that the log records: from event `seq` on, it goes on from a backup.

    Checkpoints up to `upto` may be of what it replaced, if they are of an earlier epoch: what was
    signed in its own, or in a later one, it cannot have replaced.
    """

    seq: int
    upto: int
    epoch: Epoch


def origin_of(first_event: str) -> str:
    """The name under which a log is signed, from the payload of its first event."""
    try:
        return f"aex/{json.loads(first_event)['ledger_id']}"
    except (ValueError, TypeError, LookupError) as error:
        raise IntegrityBroken("the first event does not say which ledger this is") from error


def restores_in(rows: Iterable[tuple[int, str]]) -> list[Restore]:
    """Restores, from the seq and payload of their events; what is none excuses nothing."""
    found = []
    for seq, payload in rows:
        try:
            said = json.loads(payload)
            # Once, restores had no id, and said one number for both lengths.
            epoch = Epoch(int(said["epoch"]), str(said.get("restore_id", "")))
            upto = max(int(said["replaced_seq"]), int(said.get("signed_seq", 0)))
            found.append(Restore(seq, upto, epoch))
        except (ValueError, TypeError, LookupError, AttributeError):
            continue
    return found


def excused(size: int, epoch: Epoch, excuses: Sequence[Restore]) -> bool:
    """Whether a checkpoint of this size and epoch is of a log that a recorded restore replaced.

    Below the restore the log is what it was before, unless that epoch was of another log: one
    that went on from a back-up elsewhere, and is not a part of this one.
    """
    own = not epoch.number or any(one.epoch.matches(epoch) for one in excuses)
    return any(
        epoch.number < one.epoch.number and size <= one.upto and (one.seq <= size or not own)
        for one in excuses
    )


def reach(notes: Iterable[str]) -> tuple[int, int]:
    """The largest size and the latest epoch that checkpoints state, whoever signed them."""
    size = epoch = 0
    for note in notes:
        with suppress(CheckpointError):
            said = parse(note.partition("\n\n")[0] + "\n")
            size = max(size, said.size)
            epoch = max(epoch, epoch_of(said.extension_lines).number)
    return size, epoch


def cut_off(size: int, head: int) -> str:
    """What a log of `head` events says about a checkpoint of `size`, which is more."""
    return (
        f"the log has {head} events, but {size} were signed: its end was cut off, "
        "or an older copy was put in its place"
    )


def rewritten(size: int) -> str:
    """What another root at this size says."""
    return f"the first {size} events are not the ones that were signed: the log was rewritten"
