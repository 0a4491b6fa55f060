"""What is noted of each call as it happens: how long it waited, what became of it.

Owns: at which moments something is counted, and by which labels.
Refuses to know: what the counts are for (web/observed.py), what the moments do (pipeline.py).

Nothing here can fail a call: what is counted are numbers that are there already.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from aex_addon.inflight import InFlight
from aex_addon.parts import Parts
from ledger.commands import Commit, Release
from web.observed import Histogram


class _Timed:
    """A context whose time is counted. One made of a generator costs four times as much."""

    __slots__ = ("_began", "_histogram")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._histogram.observe(time.perf_counter() - self._began)


def waiting(parts: Parts, phase: str) -> AbstractContextManager[None]:
    """A call waits for AEX: `admission`, before it leaves, or `settlement`, at its end."""
    return _Timed(parts.observed.added[phase])


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
