"""Which hosts beside the providers an agent reached, or was kept from.

Owns: reading that from the end of the log.
Refuses to know: how it is shown, what made a connection.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.events import EGRESS_SEEN as _SEEN
from ledger.read import Reader

# How far back it is looked for: no index serves this, and one would be paid for by every call.
REACH = 50_000


class Seen(NamedTuple):
    """A host, and what became of it: `passed` or the code of a refusal. port 0: all the others."""

    time_ns: int
    account: str
    host: str
    port: int
    outcome: str


def reached(reader: Reader, name: str, limit: int) -> list[Seen]:
    """The newest first, of an agent with its runs, or of a run; of "" those that named nobody."""
    head, agent = reader.head().seq, name.partition("/")[0]
    found = [
        Seen(event.time_ns, p["account"], p["host"], p["port"], p["outcome"])
        for event in (one.event for one in reader.log(max(head - REACH, 0), kind=_SEEN))
        if (event.agent or "") == agent
        for p in (event.data(),)
        if name in (agent, p["account"])
    ]
    return found[: -limit - 1 : -1]
