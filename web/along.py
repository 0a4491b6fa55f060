"""Sums along the log: what is new since the last look is added, nothing is read twice.

Owns: up to which event a sum goes, and whether the log still goes on from there.
Refuses to know: what is summed (tally.py, spend.py).

The log only ever grows, so the sums are exact; the whole of it is read once in the life of a
process, in stretches, by the database.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from ledger.activity import ActivityReader

# Short stretches sort in memory, and let others read in between.
STRETCH = 10_000


class Along[T](ABC):
    """A sum that goes along the log. One serves all pages; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._hash = ""
        self._sums = self.nothing()

    @abstractmethod
    def nothing(self) -> T:
        """The sums of an empty log."""

    @abstractmethod
    def added(self, sums: T, reader: ActivityReader, after: int, upto: int) -> T:
        """The sums with those of the events in between; `sums` stay as they are."""

    def look(self, reader: ActivityReader) -> T:
        """The sums up to the newest event that `reader` sees; not to be changed.

        Raises LedgerError. Not to be asked inside a snapshot: one that is older than another's
        look would seem to be of another log, and a first look would hold it for long.
        """
        with self._lock:
            head = reader.head()
            if not self._continues(reader):
                # The log was put back to an earlier state.
                self._seq, self._sums = 0, self.nothing()
            sums = self._sums
            for after in range(self._seq, head.seq, STRETCH):
                sums = self.added(sums, reader, after, min(after + STRETCH, head.seq))
            self._seq, self._hash, self._sums = head.seq, head.event_hash, sums
            return sums

    def _continues(self, reader: ActivityReader) -> bool:
        if not self._seq:
            return True
        last = next(reader.log(after=self._seq - 1, upto=self._seq), None)
        return last is not None and last.digest.hex() == self._hash
