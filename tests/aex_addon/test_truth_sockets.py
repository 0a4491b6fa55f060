"""The law of booking over a WebSocket: the messages of an answer, ended in every way at each.

Realtime and Responses; the rows stand in the table of test_truth.py. A message that came by half
has not come. The usage stands in the message that ends an answer, so that there are no running
totals, and whatever follows it is about no call any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from aex_addon.inflight import InFlight
from providers.registry import FORMATS
from tests.aex_addon.truth import (
    ENDINGS,
    End,
    Tally,
    appraisal_of,
    call_of,
    ended,
    judge,
    share_of,
)
from tests.providers.messages import NAMES, recorded_messages
from tests.providers.recorded import Recorded
from tests.providers.usage_bent import LIES, bent
from tests.tables import TABLE

KINDS = ("present", "absent", "null", "repeated")


def ends(call: InFlight, messages: list[bytes]) -> Iterator[End]:
    """The call's bookings, ended in every way before, within and after each message."""
    meter, total, come = call.meter, sum(map(len, messages)), 0
    assert meter is not None
    call.status = 0
    for ending in ("RST before headers", "timeout", "client gone"):
        yield ended(call, ending, "broken", 1000, meter)
    for message in messages:
        yield ended(
            call, "RST mid-chunk", "broken", share_of(come + len(message) // 2, total), meter
        )
        assert meter.feed(message) == message
        come += len(message)
        reading = meter.reading()
        call.status = reading.status or 0
        if reading.complete:
            yield ended(call, "complete", "complete", 1000, meter)
            return
        for ending in ("client gone", "timeout", "RST after headers"):
            yield ended(call, ending, "broken", share_of(come, total), meter)


def simulate(recorded: Recorded, kind: str, tally: Tally) -> None:
    """Adds all ends of one recorded call to a row."""
    messages = bent(recorded.case.answer, kind)
    if messages is None or (recorded.usage is None and kind != "present"):
        return
    call = call_of(recorded, appraisal_of(recorded))
    for end in ends(call, messages):
        problem = judge(call, end, recorded.usage, stream=True)
        if problem:
            tally.broken.append(f"{recorded.name}, {kind}: {problem}")
        (tally.bounded if end.told is None else tally.exact)[end.ending] += 1


def tallied(name: str, kind: str) -> Tally:
    """One row."""
    tally = Tally()
    for recorded in recorded_messages(name):
        simulate(recorded, kind, tally)
    return tally


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_truth(name: str, kind: str, record_property: Callable[[str, Any], None]) -> None:
    """Each booking of each end of each recorded call keeps the law."""
    tally = tallied(name, kind)
    assert tally.broken == []
    if kind in ("absent", "null"):
        assert not tally.exact
    columns = ("format", "answer", "usage", *ENDINGS)
    row = (name, "messages", kind, *tally.cells())
    record_property(TABLE, ["Booked: = billed, ≤ within its bounds", columns, row])


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", NAMES)
def test_no_lie_is_taken_for_usage(name: str, lie: str) -> None:
    """What cannot be a count books the bound, as if nothing had been told."""
    assert not tallied(name, lie).exact


def test_every_format_of_messages_is_in_the_table() -> None:
    """All others are in test_truth.py."""
    assert {each.name for each in FORMATS if each.name.endswith("_ws")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_booking_that_is_too_small_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table can fail: where less is booked than was delivered, and where the count is not."""
    billed = InFlight._billed

    def less(call: InFlight, ending: Any) -> Any:
        return replace(billed(call, ending), actual_nanousd=1)

    monkeypatch.setattr(InFlight, "_billed", less)
    assert tallied(name, "absent").broken
    assert tallied(name, "present").broken
