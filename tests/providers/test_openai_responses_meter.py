"""Meters of Responses over whole answers of every shape, cut everywhere."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.openai_responses import OPENAI_RESPONSES, PATH
from providers.openai_responses_meter import JsonMeter, StreamMeter
from providers.wire import Call, Reading
from tests.providers.contract import WireFormatContract, run

EVENTS = st.sampled_from(
    [
        *(b"data: ", b"event: x\n", b"\n\n", b"{}", b'{"type":', b'"response.completed"', b"["),
        *(b"]", b"}", b"null", b'"response":', b",", b"\xff", b'"output_index":', b"0"),
    ]
)


class TestContract(WireFormatContract):
    """Responses keep the contract."""

    wire_format = OPENAI_RESPONSES
    default = Call("openai", "POST", PATH, "", {}, b"")


def told(*events: dict[str, Any]) -> Reading:
    """What the meter knows after these events."""
    meter = StreamMeter()
    for event in events:
        meter.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    return meter.reading()


def test_what_cannot_be_read_counts_by_its_bytes() -> None:
    """Broken, foreign and too large events are passed on and bounded, never skipped."""
    for event in (b"data: {broken\n\n", b"data: [1,2]\n\n", b'data: {"type":7}\n\n'):
        meter = StreamMeter()
        assert meter.feed(event) == event
        assert meter.reading().output_tokens_max >= len(event) - 8
    huge = b"data: " + b"x" * (17 << 20) + b"\n\n"
    meter = StreamMeter()
    assert meter.feed(huge) == huge
    assert meter.reading().output_tokens_max == len(huge)


def test_a_large_last_event_is_still_read() -> None:
    """It repeats the whole request; megabytes of that do not hide the usage."""
    usage = {"input_tokens": 5, "output_tokens": 2}
    response = {"instructions": "i" * (3 << 20), "output": [], "usage": usage}
    reading = told({"type": "response.completed", "response": response})
    assert reading.usage is not None
    assert reading.usage.counts == usage


@given(st.lists(EVENTS, max_size=25).map(b"".join) | st.binary(max_size=60), st.integers(1, 9))
def test_meters_never_raise_and_lose_nothing(stream: bytes, step: int) -> None:
    """Any bytes pass at once, in order."""
    chunks = [stream[at : at + step] for at in range(0, len(stream), step)]
    for meter in (JsonMeter(), StreamMeter()):
        assert [meter.feed(chunk) for chunk in chunks] == chunks
        assert meter.finish() == b""
        meter.reading()


def test_a_json_answer_is_read_before_it_is_finished() -> None:
    """A client that hangs up after the last byte is still charged what the provider said."""
    whole = b'{"output":[],"usage":{"input_tokens":3,"output_tokens":2}}'
    meter = JsonMeter()
    meter.feed(whole[:-1])
    assert meter.reading() == Reading(None, len(whole) - 1, complete=False)
    assert run(meter, [whole[-1:]])[1].usage is not None
