"""Meters of Cohere's Chat: which framing is read how, and what was delivered."""

from __future__ import annotations

import json

import pytest

from providers.cohere_meter import usage_of, v1_meter, v2_meter
from providers.events import EventMeter
from providers.jsonanswer import JsonAnswer
from providers.wire import Facts, Usage

WHOLE = Facts(endpoint="/v2/chat", kind="metered")
STREAM = Facts(endpoint="/v2/chat", kind="metered", stream=True)
SSE = "text/event-stream; charset=utf-8"


@pytest.mark.parametrize(
    ("facts", "status", "kind", "streams"),
    [
        (STREAM, 200, SSE, True),
        (STREAM, 200, "", True),
        (STREAM, 200, "application/json", False),
        (STREAM, 400, SSE, False),
        (WHOLE, 200, "", False),
    ],
)
def test_the_answers_own_type_decides(facts: Facts, status: int, kind: str, streams: bool) -> None:
    """Without a type, what was asked for; errors are always JSON."""
    meter = v2_meter(facts, status, kind)
    assert isinstance(meter, EventMeter if streams else JsonAnswer)


def test_version_1_streams_lines_or_events() -> None:
    """Lines unless the type says events; a whole answer is one document."""
    line = json.dumps({"event_type": "stream-end", "response": {"meta": billed(2, 3)}}).encode()
    usage = Usage({"input_tokens": 2, "output_tokens": 3})
    for kind, data in (("application/stream+json", line), (SSE, b"data: " + line), ("", line)):
        meter = v1_meter(STREAM, 200, kind)
        meter.feed(data + b"\n\n")
        assert meter.reading().usage == usage
    assert isinstance(v1_meter(WHOLE, 200, ""), JsonAnswer)
    assert isinstance(v1_meter(STREAM, 500, ""), JsonAnswer)


def billed(input_tokens: int, output_tokens: int) -> dict[str, object]:
    """What is billed, beside larger counts that are not."""
    units = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    return {"billed_units": units, "tokens": {"input_tokens": 999, "output_tokens": 999}}


def test_only_what_is_billed_is_read() -> None:
    """The counts of all tokens are larger, and nobody pays them."""
    assert usage_of(billed(2, 3)) == Usage({"input_tokens": 2, "output_tokens": 3})
    assert usage_of({"tokens": {"input_tokens": 9, "output_tokens": 9}}) is None
    assert usage_of(None) is None


@pytest.mark.parametrize("version", [1, 2])
def test_what_was_delivered_is_bounded_by_its_bytes(version: int) -> None:
    """Each event adds the bytes of its text, at the least."""
    if version == 2:
        meter = v2_meter(STREAM, 200, SSE)
        delta = {"message": {"content": {"text": "界" * 10}}}
        meter.feed(b"data: " + json.dumps({"type": "content-delta", "delta": delta}).encode())
        meter.feed(b"\n\n")
    else:
        meter = v1_meter(STREAM, 200, "application/stream+json")
        meter.feed(json.dumps({"event_type": "text-generation", "text": "界" * 10}).encode())
        meter.feed(b"\n")
    assert 30 <= meter.reading().output_tokens_max <= 70
