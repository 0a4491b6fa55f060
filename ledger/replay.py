"""The books as of a moment: a fold of the log up to an event or a time.

Owns: where a replay ends, and that the events it folds are those of the chain.
Refuses to know: how the books are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger.chain import Link
from ledger.errors import IntegrityBroken
from ledger.evolve import evolve
from ledger.read import Reader
from ledger.state import State

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Folded:
    """The books after event `seq`, which happened at `time_ns`."""

    seq: int
    time_ns: int
    state: State


def replay(
    reader: Reader,
    *,
    seq: int | None = None,
    time_ns: int | None = None,
    progress: Progress | None = None,
) -> Folded:
    """Folds all events, or those up to `seq`, or those not after `time_ns`.

    Raises IntegrityBroken at the first event that does not fit the chain.
    """
    link, state = Link(), State()
    for logged in reader.log(upto=seq):
        event = logged.event
        if time_ns is not None and event.time_ns > time_ns:
            break
        if not link.check(event, logged.prev, logged.digest, logged.version):
            raise IntegrityBroken(f"chain: {link.broken}; `aex audit --full` shows all")
        evolve(state, event)
        if progress is not None and link.seq % 1000 == 0:
            progress(link.seq)
    return Folded(link.seq, link.time_ns, state)
