"""Meters of the Gemini API: when usage is final, what bounds the output until then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.gemini_meter import ArrayMeter, EventMeter, whole_answer
from providers.wire import Reading
from providers.wire_format import Meter
from tests.providers.contract import FIXTURES, run

METERS = (whole_answer, EventMeter, ArrayMeter)
PIECES = st.sampled_from(
    [
        *(b"data: ", b"\r\n\r\n", b"{}", b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"\xff"),
        *(b'{"candidates":', b'"usageMetadata":{"promptTokenCount":1}', b'"finishReason":"STOP"'),
    ]
)


def chunk(content: Any = None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One chunk of a stream."""
    candidate = {"content": content, "finishReason": finish, "index": index}
    return json.dumps({"candidates": [candidate], **more}).encode()


def event(*args: Any, **more: Any) -> bytes:
    """The same as a server-sent event."""
    return b"data: " + chunk(*args, **more) + b"\r\n\r\n"


def used(output: int) -> dict[str, int]:
    """A usage so far."""
    return {"promptTokenCount": 9, "candidatesTokenCount": output, "totalTokenCount": 9 + output}


def counted(reading: Reading) -> dict[str, int] | None:
    """The final counts, if any."""
    return None if reading.usage is None else dict(reading.usage.counts)


def test_usage_is_final_once_every_answer_has_ended() -> None:
    """Until then only the input is known; the last usage counts, never a sum."""
    meter = EventMeter(choices=2)
    for index, output in ((0, 2), (1, 4)):
        meter.feed(event({"parts": [{"text": "x"}]}, None, index, usageMetadata=used(output)))
        assert counted(meter.reading()) is None
    meter.feed(event(None, "STOP", 0, usageMetadata=used(6)))
    reading = meter.reading()
    assert (counted(reading), reading.complete) == (None, False)
    assert reading.known is not None
    assert reading.known.counts == {"input_tokens": 9}
    assert reading.running is not None
    assert reading.running.counts == {"input_tokens": 9, "output_tokens": 6}
    meter.feed(event(None, "STOP", 1, usageMetadata=used(8)))
    assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 8}
    meter.feed(event(None, None, 1, usageMetadata=used(9)))
    assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 9}


def test_fewer_answers_than_asked_are_final_at_the_end() -> None:
    """A provider may give fewer; but only the end of the stream says so."""
    meter = EventMeter(choices=3)
    meter.feed(event(None, "STOP", usageMetadata=used(1)))
    assert counted(meter.reading()) is None
    meter.finish()
    assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 1}
    open_ended = EventMeter(choices=1)
    open_ended.feed(event({"parts": []}, None, usageMetadata=used(1)))
    open_ended.finish()
    assert counted(open_ended.reading()) is None


def test_a_client_that_leaves_after_the_last_chunk_is_charged_what_was_said() -> None:
    """The usage of the chunk with the reason is final at once, in both forms of stream."""
    for meter, data in (
        (EventMeter(1), event(None, "STOP", usageMetadata=used(3))),
        (ArrayMeter(1), b"[" + chunk(None, "STOP", usageMetadata=used(3))),
    ):
        meter.feed(data)
        assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 3}


def test_a_json_answer_is_read_before_it_is_finished() -> None:
    """Whole is whole; before, every byte counts as output."""
    whole = (FIXTURES / "gemini_generate" / "json_plain" / "response.json").read_bytes()
    meter = whole_answer(1)
    meter.feed(whole[:-10])
    assert meter.reading() == Reading(None, len(whole) - 10, complete=False)
    meter.feed(whole[-10:])
    assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 11}


def test_a_whole_answer_needs_no_reason_for_its_end() -> None:
    """Its usage is of all that was generated, whatever the candidates say."""
    meter = whole_answer(2)
    meter.feed(chunk({"parts": []}, None, usageMetadata=used(3)))
    assert counted(meter.reading()) == {"input_tokens": 9, "output_tokens": 3}


def test_the_bound_covers_what_was_delivered() -> None:
    """Text, calls with their numbers and keys, code and unknown kinds count by bytes at least."""
    contents: list[dict[str, Any]] = [
        {"parts": [{"text": "界" * 10}]},
        {"parts": [{"functionCall": {"name": "f", "args": {"k" * 15: 10**15}}}]},
        {"parts": [{"executableCode": {"language": "PYTHON", "code": "x" * 30}}]},
        {"parts": [{"someNewKind": ["n" * 30]}]},
    ]
    meter, before = EventMeter(1), 0
    for content in contents:
        meter.feed(event(content))
        now = meter.reading().output_tokens_max
        assert now - before > 30
        before = now
    meter.feed(event(None))
    assert meter.reading().output_tokens_max > before


@pytest.mark.parametrize("bad", [b"{broken", b"[1]", b'{"candidates":{"a":1}}', b"7"])
def test_what_cannot_be_read_counts_by_its_bytes(bad: bytes) -> None:
    """Broken and foreign events are passed on and bounded, never skipped."""
    meter = EventMeter(1)
    data = b"data: " + bad + b"\n\n"
    assert meter.feed(data) == data
    assert meter.reading().output_tokens_max >= len(bad)
    array = ArrayMeter(1)
    assert array.feed(b"[" + bad) + array.finish() == b"[" + bad
    assert array.reading().output_tokens_max >= len(bad)


def test_too_large_a_chunk_counts_by_its_bytes() -> None:
    """It is not kept, and passes."""
    huge = chunk({"parts": [{"text": "x" * (2 << 20)}]})
    for meter, data in ((EventMeter(1), b"data: " + huge + b"\n\n"), (ArrayMeter(1), b"[" + huge)):
        assert meter.feed(data[:9]) + meter.feed(data[9:]) == data
        assert meter.reading().output_tokens_max >= len(huge)


def test_deep_answers_do_not_raise() -> None:
    """Nesting beyond what the parser or the writer takes is counted by its bytes."""
    deep = b'{"candidates":[{"content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    for make in METERS:
        meter: Meter = make(1)
        assert meter.feed(deep) + meter.finish() == deep
        assert meter.reading().output_tokens_max >= 0


@given(st.lists(PIECES, max_size=25).map(b"".join) | st.binary(max_size=60), st.integers(1, 9))
def test_meters_never_raise_and_lose_nothing(stream: bytes, step: int) -> None:
    """Any bytes pass at once and in order, cut anywhere."""
    chunks = [stream[at : at + step] for at in range(0, len(stream), step)]
    for make in METERS:
        meter: Meter = make(1)
        assert [meter.feed(each) for each in chunks] == chunks
        assert run(make(2), chunks)[0] == stream
