"""What a signed checkpoint vouches for, and when one that the log contradicts is no alarm.

Owns: a log's name for signing, the row of a checkpoint, recorded restores, the words of an alarm.
Refuses to know: tables, signatures, trees.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ledger.errors import IntegrityBroken

RESTORED = "ledger.restored"


class Taken(NamedTuple):
    """A row of the table `checkpoints`; root is in hex, `note` is the signed checkpoint."""

    size: int
    root: str
    time_ns: int
    note: str


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that the log records: from event `seq` on, it goes on from a backup.

    Copies of checkpoints up to `replaced_seq` may be of the log that it replaced.
    """

    seq: int
    replaced_seq: int

    def excuses(self, size: int) -> bool:
        """Whether a checkpoint of this size may be one of the log that was replaced."""
        return self.seq <= size <= self.replaced_seq


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
            found.append(Restore(seq, int(json.loads(payload)["replaced_seq"])))
        except (ValueError, TypeError, LookupError):
            continue
    return found


def excused(size: int, excuses: Iterable[Restore]) -> bool:
    """Whether one of the restores excuses a checkpoint of this size."""
    return any(one.excuses(size) for one in excuses)


def cut_off(size: int, head: int) -> str:
    """What a log of `head` events says about a checkpoint of `size`, which is more."""
    return (
        f"the log has {head} events, but {size} were signed: its end was cut off, "
        "or an older copy was put in its place"
    )


def rewritten(size: int) -> str:
    """What another root at this size says."""
    return f"the first {size} events are not the ones that were signed: the log was rewritten"
