"""How the calls of each agent have ended, counted along the log.

Owns: the sums, and up to which event they go. The log only ever grows, so what is new since the
last look is added and the sums are exact; the whole log is read once in the life of a process
(about a second for a million calls, counted by the database), never once a look.
Refuses to know: how sums are shown (metrics.py, view.py), balances (they stand in the accounts).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ledger import events, state
from ledger.read import Reader

# Short stretches sort in memory, and let others read in between.
_STRETCH = 10_000


@dataclass(slots=True)
class Ends:
    """How one agent's calls have ended since the log began. overrun_nanousd: above the reserves.

    bypasses: how often a process of its was seen to go around AEX; bypasses_blocked: to try.
    """

    committed: int = 0
    released: int = 0
    denied: int = 0
    uncertain: int = 0
    overruns: int = 0
    overrun_nanousd: int = 0
    bypasses: int = 0
    bypasses_blocked: int = 0

    def by_state(self) -> dict[str, int]:
        """How many calls are in each state that is an end."""
        return {
            state.COMMITTED: self.committed,
            state.RELEASED: self.released,
            state.DENIED: self.denied,
        }


class Tally:
    """The sums, by agent. One serves all pages; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._hash = ""
        self._ends: dict[str, Ends] = {}

    def ends(self, reader: Reader) -> Mapping[str, Ends]:
        """The sums up to the newest event that `reader` sees. Raises LedgerError.

        Not to be asked inside a snapshot: one that is older than another's look would seem to be
        of another log, and a first look would hold it for long.
        """
        with self._lock:
            head = reader.head()
            if not self._continues(reader):
                # The log was put back to an earlier state.
                self._seq, self._ends = 0, {}
            found = {name: replace(ends) for name, ends in self._ends.items()}
            for after in range(self._seq, head.seq, _STRETCH):
                _add(found, reader, after, min(after + _STRETCH, head.seq))
            self._seq, self._hash, self._ends = head.seq, head.event_hash, found
            return found

    def _continues(self, reader: Reader) -> bool:
        if not self._seq:
            return True
        last = next(reader.log(after=self._seq - 1, upto=self._seq), None)
        return last is not None and last.digest.hex() == self._hash


def _add(found: dict[str, Ends], reader: Reader, after: int, upto: int) -> None:
    overrun = False
    for agent, kind, count, marked in reader.ends(after, upto):
        ends = found.setdefault(agent, Ends())
        match kind:
            case events.COMMITTED:
                ends.committed += count
                ends.uncertain += marked
            case events.RELEASED:
                ends.released += count
            case events.DENIED:
                ends.denied += count
            case events.BYPASS_SEEN:
                ends.bypasses += count - marked
                ends.bypasses_blocked += marked
            case _:
                overrun = True
    if not overrun:
        return
    # They are rare, and by how much is known to the event alone.
    for logged in reader.log(after, upto, events.OVERRUN):
        ends = found[str(logged.event.agent)]
        ends.overruns += 1
        ends.overrun_nanousd += logged.event.data()["over_nanousd"]
