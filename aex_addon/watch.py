"""What is noted of each call as it happens: how long it waited, what became of it.

Owns: at which moments something is counted, and by which labels.
Refuses to know: what the counts are for (web/observed.py), what the moments do (pipeline.py).

Nothing here can fail a call: what is counted are numbers that are there already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aex_addon.inflight import InFlight
from aex_addon.parts import Parts
from ledger.commands import Commit, Release


@contextmanager
def waiting(parts: Parts, phase: str) -> Iterator[None]:
    """A call waits for AEX: `admission`, before it leaves, or `settlement`, at its end."""
    began = time.perf_counter()
    try:
        yield
    finally:
        parts.observed.added[phase].observe(time.perf_counter() - began)


def let_go(inflight: InFlight) -> None:
    """The call leaves."""
    inflight.dispatched = True
    inflight.sent_at = time.perf_counter()


def first_byte(parts: Parts, inflight: InFlight) -> None:
    """Its answer begins."""
    took = time.perf_counter() - inflight.sent_at
    parts.observed.took(parts.observed.first_byte, inflight.provider, took)


def booked(parts: Parts, inflight: InFlight, command: Commit | Release) -> None:
    """It has ended, and its booking is on its way."""
    observed, admitted = parts.observed, inflight.admitted
    if inflight.sent_at:
        took = time.perf_counter() - inflight.sent_at
        observed.took(observed.answer, inflight.provider, took)
        parts.tracer.ended(inflight, command, took)
    if isinstance(command, Commit) and inflight.appraisal.price is not None:
        held, actual = admitted.reserved_nanousd, command.actual_nanousd
        observed.settled(
            (admitted.agent, inflight.provider, inflight.appraisal.facts.model or ""),
            held,
            held if actual is None else actual,
            command.usage,
        )
