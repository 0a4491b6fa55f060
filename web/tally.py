"""How the calls of each agent have ended, counted along the log.

Owns: these sums. Refuses to know: how a log is gone along (along.py), how sums are shown
(metrics.py, view.py), balances (they stand in the accounts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ledger import events, state
from ledger.activity import ActivityReader
from web.along import Along


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


class Tally(Along[dict[str, Ends]]):
    """The sums, by agent."""

    def nothing(self) -> dict[str, Ends]:
        """Nobody has made a call."""
        return {}

    def added(
        self, sums: dict[str, Ends], reader: ActivityReader, after: int, upto: int
    ) -> dict[str, Ends]:
        """Counts a stretch."""
        found = {name: replace(ends) for name, ends in sums.items()}
        _add(found, reader, after, upto)
        return found

    def ends(self, reader: ActivityReader) -> Mapping[str, Ends]:
        """The sums up to the newest event; see `look`."""
        return self.look(reader)


def _add(found: dict[str, Ends], reader: ActivityReader, after: int, upto: int) -> None:
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
