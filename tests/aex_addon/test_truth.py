"""Booked is billed where the provider's usage was seen; elsewhere billed <= booked <= reserved.

Every recorded call of every format, with usage told in six ways, ended in every way at every chunk.
One table of it stands at the end of the test output (tests/conftest.py prints it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aex_addon.excess import exceeded
from aex_addon.inflight import InFlight
from providers.openai_chat_meter import StreamMeter
from providers.registry import FORMATS
from providers.wire import Reading
from tests.aex_addon.truth import ENDINGS, Tally, appraisal_of, call_of, simulate
from tests.providers.recorded import formats, metered
from tests.providers.usage_bent import KINDS, LIES, bent, events
from tests.tables import TABLE

NAMES = [each.name for each in formats()]


def told_by_requests(name: str) -> bool:
    """Whether what is billed stands in the request already, so that no answer need tell it."""
    return any(
        each.usage is not None and each.usage.counts.keys() <= each.facts.charges.keys()
        for each in metered(name)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_truth(name: str, kind: str, record_property: Callable[[str, Any], None]) -> None:
    """Each booking of each end of each recorded call keeps the law."""
    rows = {"JSON": Tally(), "stream": Tally()}
    for recorded in metered(name):
        simulate(recorded, kind, rows[recorded.kind])
    assert [each for row in rows.values() for each in row.broken] == []
    if kind in ("absent", "null") and not told_by_requests(name):
        # Else the usage is told under a name that usage_bent.py does not know.
        assert not any(row.exact for row in rows.values())
    for answer, row in rows.items():
        if row.exact or row.bounded:
            columns = ("format", "answer", "usage", *ENDINGS)
            cells = (name, answer, kind, *row.cells())
            record_property(TABLE, ["Booked: = billed, ≤ within its bounds", columns, cells])


def test_every_metered_format_is_in_the_table() -> None:
    """A kind of format without recorded calls would be missing, and nobody would see it; free and
    refused paths have no bookings, and sockets are in test_truth_sockets.py."""
    other = {type(each) for each in FORMATS if each.name.endswith(("_free", "_ws", "_refused"))}
    assert {type(each) for each in FORMATS} - other == {type(each) for each in formats()}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_bent_is_what_was_recorded(name: str) -> None:
    """The events of an answer, joined, are the answer; without its usage they are not."""
    for recorded in metered(name):
        answer = recorded.case.answer
        assert b"".join(event.raw for event in events(answer)) == answer
        for kind in ("absent", "null", *LIES):
            chunks = bent(answer, kind)
            assert chunks is None or b"".join(chunks) != answer


@pytest.mark.parametrize("name", NAMES)
def test_no_honest_answer_is_ended(name: str) -> None:
    """With a cap of just what was recorded, no event shows a provider that goes beyond it."""
    for recorded in metered(name):
        if not recorded.facts.stream or recorded.usage is None:
            continue
        call = call_of(recorded, appraisal_of(recorded))
        cap = -(-recorded.usage.counts.get("output_tokens", 0) // recorded.facts.choices)
        call.admitted = replace(call.admitted, output_tokens_cap=cap)
        assert call.meter is not None
        for event in events(recorded.case.answer):
            call.meter.feed(event.raw)
            call.told_at = None
            assert not exceeded(call), recorded.name


SABOTAGE: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "less than was delivered": ("absent", "_output_bound", lambda *_: 0),
    "not what was told": (
        "present",
        "_billed",
        lambda call, ending: replace(BILLED(call, ending), actual_nanousd=10**9),
    ),
    "above the reserve": (
        "null",
        "_billed",
        lambda call, _: replace(
            BILLED(call, "broken"), actual_nanousd=call.admitted.reserved_nanousd + 1
        ),
    ),
}
BILLED = InFlight._billed


@pytest.mark.parametrize("fault", SABOTAGE)
def test_a_broken_law_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A booking that is too small, too large, or not exact does not pass."""
    kind, method, instead = SABOTAGE[fault]
    monkeypatch.setattr(InFlight, method, instead)
    tally = Tally()
    for recorded in metered("openai_chat"):
        simulate(recorded, kind, tally)
    assert tally.broken


def test_usage_that_is_added_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter that adds what is repeated books more than is billed."""
    real = StreamMeter.reading

    def adding(meter: StreamMeter) -> Reading:
        found = real(meter)
        if found.usage is None:
            return found
        twice = {name: 2 * count for name, count in found.usage.counts.items()}
        return replace(found, usage=replace(found.usage, counts=twice))

    monkeypatch.setattr(StreamMeter, "reading", adding)
    tally = Tally()
    for recorded in metered("openai_chat"):
        simulate(recorded, "repeated", tally)
    assert tally.broken
