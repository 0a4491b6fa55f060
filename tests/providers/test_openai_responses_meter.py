"""Meters of Responses over whole answers of every shape, cut everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai_responses import OPENAI_RESPONSES, PATH
from providers.openai_responses_meter import (
    DELTA_TOKENS,
    ITEM_TOKENS,
    JsonMeter,
    StreamMeter,
    Tally,
    parsed,
)
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


def delta(kind: str, text: Any, place: int | None = 0) -> dict[str, Any]:
    """A delta of an item."""
    return {"type": f"response.{kind}.delta", "output_index": place, "item_id": "i", "delta": text}


KINDS = [
    *("output_text", "refusal", "reasoning_text", "reasoning_summary_text"),
    *("function_call_arguments", "custom_tool_call_input", "code_interpreter_call_code"),
    *("shell_call_command", "audio.transcript", "mcp_call_arguments", "some_new_kind"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_deltas_of_every_kind_count(kind: str) -> None:
    """By their bytes and one for the delta; labels, padding and probabilities do not count."""
    padded = {"obfuscation": "x" * 50, "logprobs": [{"token": "界"}]}
    first = told(delta(kind, "界" * 10) | padded).output_tokens_max
    assert first == 30 + DELTA_TOKENS + ITEM_TOKENS
    assert (
        told(delta(kind, ""), delta(kind, "")).output_tokens_max == 2 * DELTA_TOKENS + ITEM_TOKENS
    )


def test_what_is_done_is_not_counted_twice() -> None:
    """A text that comes as deltas, as a whole part and as a whole item counts once."""
    text = "x" * 100
    part = {"type": "output_text", "text": text, "annotations": []}
    place = {"output_index": 0, "item_id": "i", "content_index": 0}
    item = {"id": "i", "type": "message", "role": "assistant", "content": [part]}
    reading = told(
        *(delta("output_text", text[at : at + 10]) for at in range(0, 100, 10)),
        {"type": "response.output_text.done", "text": text, **place},
        {"type": "response.content_part.done", "part": part, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.failed", "response": {"output": [item], "usage": None}},
    )
    assert reading.output_tokens_max == 100 + 10 * DELTA_TOKENS + ITEM_TOKENS
    assert reading == Reading(None, reading.output_tokens_max, complete=True, status=200)


def test_what_comes_only_whole_counts_too() -> None:
    """Items and parts without deltas count by their own text, each item for itself."""
    item = {"type": "function_call", "name": "f" * 20, "arguments": "{" * 20}
    done = {"type": "response.output_item.done", "item": item}
    parts = {"type": "response.output_text.done", "text": "y" * 40}
    whole = told({"type": "response.incomplete", "response": {"output": [item, item]}})
    assert told({**done, "output_index": 0}, {**done, "output_index": 1}).output_tokens_max >= 112
    assert told({**parts, "output_index": 0}, {**parts, "content_index": 1}).output_tokens_max >= 80
    assert whole.output_tokens_max == 2 * (40 + ITEM_TOKENS)


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


@pytest.mark.parametrize(
    ("events", "status", "complete"),
    [
        ([], None, False),
        ([{"type": "keepalive"}], None, False),
        ([{"type": "response.created", "response": {}}], 200, False),
        ([{"type": "error", "status": 429, "error": {}}], 429, True),
        ([{"type": "error", "error": {}}], None, True),
        ([{"type": "error", "status": 200}], None, True),
        ([{"type": "error", "status": "429"}], None, True),
        ([{"type": "response.created"}, {"type": "error", "status": 500}], 200, True),
    ],
)
def test_events_tell_the_status(
    events: list[dict[str, Any]], status: int | None, complete: bool
) -> None:
    """A response that has begun is a 200; an error before that has the status that it names."""
    tally = Tally()
    for event in events:
        tally.event(event, 10)
    assert (tally.reading().status, tally.reading().complete) == (status, complete)


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


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_only_objects_are_documents(data: bytes) -> None:
    """Nothing else is parsed, and nothing raises."""
    assert parsed(data) is None
