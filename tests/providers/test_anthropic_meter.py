"""Meters of Messages: what counts, when it is final, and what bounds it before that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic_meter import MessageMeter, StreamMeter
from providers.wire import Facts, Usage
from providers.wire_format import Meter

FACTS = Facts("/v1/messages", "metered")
NO_HOUR = Facts("/v1/messages", "metered", unbilled=frozenset({"cache_write_1h_tokens"}))
EVENTS = st.sampled_from(
    [b"event: ", b"data: ", b"\n\n", b"{}", b'{"type":', b'"message_start"', b"}", b",", b"\xff"]
)


def event(kind: str, **fields: Any) -> bytes:
    """An event of a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def start(**usage: int) -> bytes:
    """The first event, with the input."""
    counts = {"input_tokens": 10, "output_tokens": 1, **usage}
    return event("message_start", message={"model": "m", "content": [], "usage": counts})


def last(reason: str | None = "end_turn", **usage: Any) -> bytes:
    """An event with the usage so far."""
    return event("message_delta", delta={"stop_reason": reason}, usage=usage)


def text(said: str) -> bytes:
    """A piece of the answer."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": said})


def after(meter: Meter, *events: bytes) -> Meter:
    """The meter, once it has seen the events."""
    for each in events:
        assert meter.feed(each) == each
    return meter


def stated(usage: Any, facts: Facts = FACTS) -> Usage | None:
    """The usage of a whole answer."""
    document = {"type": "message", "model": "m", "usage": usage}
    return after(MessageMeter(facts), json.dumps(document).encode()).reading().usage


def test_the_input_is_known_from_the_first_event_on() -> None:
    """It is told at once, all kinds of it added up; the output only counts at the end."""
    meter = after(StreamMeter(FACTS), start(cache_read_input_tokens=5), text("Hi"))
    reading = meter.reading()
    assert reading.usage is None
    assert reading.known == Usage({"input_tokens": 15, "cache_read_tokens": 5}, "m")
    assert not reading.complete


def test_a_running_total_is_not_final() -> None:
    """Usage without a reason for stopping is what was used so far, and more may come."""
    meter = after(StreamMeter(FACTS), start(), text("Hi"))
    assert meter.reading().running is None
    reading = after(meter, last(None, output_tokens=4)).reading()
    assert (reading.usage, reading.running) == (
        None,
        Usage({"input_tokens": 10, "output_tokens": 4}, "m"),
    )
    assert after(meter, last(output_tokens=9)).reading().usage == Usage(
        {"input_tokens": 10, "output_tokens": 9}, "m"
    )


def test_the_end_makes_a_total_final() -> None:
    """Some hosts give no reason for stopping; the last event then says it all."""
    meter = after(StreamMeter(FACTS), start(), last(None, output_tokens=4))
    reading = after(meter, event("message_stop")).reading()
    assert reading.complete
    assert reading.usage == Usage({"input_tokens": 10, "output_tokens": 4}, "m")


def test_an_end_without_a_count_is_no_count() -> None:
    """What `message_start` says of the output is not what was generated."""
    ended = event("message_delta", delta={"stop_reason": "end_turn"}, usage=None)
    reading = after(StreamMeter(FACTS), start(), ended, event("message_stop")).reading()
    assert reading.usage is None
    assert reading.complete
    assert reading.known is not None


def test_the_last_count_replaces_and_what_it_leaves_out_stands() -> None:
    """Counts are cumulative: they are never added, and a null takes nothing away."""
    first = last(input_tokens=20, cache_read_input_tokens=None, output_tokens=4)
    second = last(output_tokens=6, server_tool_use={"web_search_requests": 2})
    meter = after(StreamMeter(FACTS), start(cache_read_input_tokens=5), first, second)
    assert meter.reading().usage == Usage(
        {"input_tokens": 25, "cache_read_tokens": 5, "output_tokens": 6, "web_searches": 2}, "m"
    )


@pytest.mark.parametrize(
    ("facts", "split", "hour"),
    [
        (FACTS, {}, 90),
        (FACTS, {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 30}, 50),
        (NO_HOUR, {}, None),
        (NO_HOUR, {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 0}, 0),
    ],
)
def test_writes_of_unknown_length_are_taken_for_the_dearer(
    facts: Facts, split: dict[str, int], hour: int | None
) -> None:
    """Where a write for an hour is possible at all; otherwise they are the short ones."""
    usage = stated(
        {
            "input_tokens": 1,
            "cache_creation_input_tokens": 90,
            "cache_creation": split,
            "output_tokens": 1,
        },
        facts,
    )
    assert usage is not None
    assert usage.counts["cache_write_tokens"] == 90
    assert usage.counts.get("cache_write_1h_tokens") == hour


def test_executions_count_where_they_are_billed() -> None:
    """With the web tools they are free, and counting them would bill them."""
    usage = {
        "input_tokens": 1,
        "output_tokens": 1,
        "server_tool_use": {"code_execution_requests": 3},
    }
    billed = Facts("x", "metered", server_units=frozenset({"code_executions"}))
    found = stated(usage, billed)
    assert found is not None
    assert found.counts["code_executions"] == 3
    assert stated(usage) == Usage({"input_tokens": 1, "output_tokens": 1}, "m")


def test_summaries_are_added_and_nothing_else_of_the_iterations() -> None:
    """Only they are missing in the totals; one that cannot be read makes all of it unusable."""
    runs: list[Any] = [{"type": "message", "input_tokens": 9, "output_tokens": 9}, None, "x"]
    summary = {"type": "compaction", "input_tokens": 100, "output_tokens": 20}
    usage = {"input_tokens": 9, "output_tokens": 9, "iterations": [*runs, summary]}
    assert stated(usage) == Usage({"input_tokens": 109, "output_tokens": 29}, "m")
    del summary["output_tokens"]
    assert stated(usage) is None
    assert stated({**usage, "iterations": 7}) == Usage({"input_tokens": 9, "output_tokens": 9}, "m")


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({}, None),
        ({"service_tier": "standard", "inference_geo": "global", "speed": "standard"}, None),
        ({"service_tier": "priority", "inference_geo": "not_available"}, None),
        ({"service_tier": "batch", "inference_geo": "us"}, "batch us"),
        ({"service_tier": "turbo", "inference_geo": "global"}, "turbo"),
        ({"speed": "fast"}, "fast"),
        ({"speed": "fast", "inference_geo": "us"}, "fast us"),
        ({"inference_geo": "somewhere"}, "us"),
    ],
)
def test_the_tier_is_what_was_served(usage: dict[str, Any], tier: str | None) -> None:
    """Speed, batch and region have prices of their own; an unknown region may be a dear one."""
    found = stated({"input_tokens": 1, "output_tokens": 1, **usage})
    assert found is not None
    assert found.service_tier == tier


@pytest.mark.parametrize(
    "events",
    [
        [text("界" * 10)],
        [event("content_block_start", index=0, content_block={"type": "text", "text": "x" * 30})],
        [event("content_block_start", content_block={"type": "tool_use", "input": {"k" * 30: 1}})],
        [
            event(
                "content_block_delta", delta={"type": "input_json_delta", "partial_json": "{" * 30}
            )
        ],
        [event("content_block_delta", delta={"type": "thinking_delta", "thinking": "r" * 30})],
        [event("content_block_delta", delta={"type": "some_new_delta", "new": ["n" * 30]})],
        [event("content_block_delta", delta={"type": "citations_delta", "citation": {}})] * 2,
        [event("some_new_event", said="x" * 30)],
        [b"data: {broken, broken, broken, broken\n\n"],
        [b"data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\n\n"],
        [event("content_block_delta", delta=None)] * 31,
    ],
    ids=str,
)
def test_the_bound_covers_what_was_delivered(events: list[bytes]) -> None:
    """Text, calls, thinking and what is not known all count, by their bytes at least."""
    meter = StreamMeter(FACTS)
    before = meter.reading().output_tokens_max
    assert after(meter, *events).reading().output_tokens_max >= before + 30


def test_what_carries_no_output_does_not_count() -> None:
    """Pings, ends and errors are the API's own words."""
    meter = after(StreamMeter(FACTS), start())
    before = meter.reading().output_tokens_max
    error = {"type": "overloaded_error", "message": "Overloaded"}
    ends = [event("content_block_stop", index=0), event("message_stop")]
    after(meter, event("ping"), event("error", error=error), last(output_tokens=1), *ends)
    assert meter.reading().output_tokens_max == before


def test_a_huge_event_counts_by_its_bytes() -> None:
    """It is passed on and bounded, never read and never skipped."""
    huge = text("x" * (2 << 20))
    reading = after(StreamMeter(FACTS), start(), huge).reading()
    assert reading.output_tokens_max >= len(huge)
    assert reading.known is not None


@given(st.lists(EVENTS, max_size=25).map(b"".join) | st.binary(max_size=60), st.integers(1, 9))
def test_meters_never_raise_and_lose_nothing(stream: bytes, step: int) -> None:
    """Any bytes pass at once and in order."""
    chunks = [stream[at : at + step] for at in range(0, len(stream), step)]
    for meter in (MessageMeter(FACTS), StreamMeter(FACTS)):
        after(meter, *chunks)
        assert meter.finish() == b""
        meter.reading()
