"""Answers of InvokeModel are counted by what tells most of their usage."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bedrock_invoke_meter import METRICS, InvokeMeter, InvokeStreamMeter
from providers.wire import Facts, Reading, Usage
from providers.wire_format import ReadsHeaders
from tests.providers.framed import chunk, event_frame

FACTS = Facts("/model/{id}/invoke", "metered", "m", service_tier="region x1.2")
BODY = Usage({"input_tokens": 1, "output_tokens": 1})
HEADERS = {"x-amzn-bedrock-input-token-count": "5", "x-amzn-bedrock-output-token-count": "3"}


def meter(body_first: bool, told: Usage | None = BODY) -> InvokeMeter:
    return InvokeMeter(FACTS, lambda _: told, body_first)


def test_headers_tell_before_the_body() -> None:
    """The call's usage is final when they have come, at the prices of its region."""
    counting = meter(body_first=False)
    assert isinstance(counting, ReadsHeaders)
    assert counting.reading().usage is None
    counting.headers(HEADERS)
    usage = counting.reading().usage
    assert usage == Usage({"input_tokens": 5, "output_tokens": 3}, None, "region x1.2")
    counting.feed(b"{}")
    assert counting.reading().usage == usage


@pytest.mark.parametrize(("told", "expected"), [(BODY, 1), (None, 5)])
def test_a_body_that_tells_more(told: Usage | None, expected: int) -> None:
    """It goes first where it tells anything."""
    counting = meter(body_first=True, told=told)
    counting.headers(HEADERS)
    counting.feed(b"{}")
    usage = counting.reading().usage
    assert usage is not None
    assert usage.counts["input_tokens"] == expected


def test_counts_of_caches() -> None:
    """Input is what was read anew, read from the cache and written into it."""
    counting = meter(body_first=False)
    cache = {
        "x-amzn-bedrock-cache-read-input-token-count": "10",
        "x-amzn-bedrock-cache-write-input-token-count": "20",
    }
    counting.headers({**HEADERS, **cache})
    usage = counting.reading().usage
    assert usage is not None
    assert usage.counts == {
        "input_tokens": 35,
        "cache_read_tokens": 10,
        "cache_write_tokens": 20,
        "cache_write_1h_tokens": 20,
        "output_tokens": 3,
    }


@pytest.mark.parametrize("value", ["", "-1", "1.5", "٣", "9" * 16, "9" * 15, "x"])
def test_headers_that_are_no_counts(value: str) -> None:
    """They tell nothing, and do no harm."""
    counting = meter(body_first=False, told=None)
    counting.headers({**HEADERS, "x-amzn-bedrock-input-token-count": value})
    assert counting.reading().usage is None


def streamed(*events: Any) -> Reading:
    counting = InvokeStreamMeter(FACTS, None)
    for event in events:
        data = event if isinstance(event, bytes) else chunk(event)
        assert counting.feed(data) == data
    return counting.reading()


def test_events_of_any_model() -> None:
    """All that they say is output, until the metrics come."""
    empty = streamed().output_tokens_max
    assert streamed({"generation": "éa"}, {"x": ["b"]}).output_tokens_max == empty + 2 + 3 + 1
    found = streamed({"generation": "", METRICS: {"inputTokenCount": 5, "outputTokenCount": 3}})
    assert found.usage == Usage({"input_tokens": 5, "output_tokens": 3}, None, "region x1.2")
    assert found.complete


@pytest.mark.parametrize(
    "data",
    [
        event_frame("chunk", b"{}"),
        event_frame("chunk", b'{"bytes": 7}'),
        event_frame("chunk", b'{"bytes": "bm8ganNvbg=="}'),
        event_frame("somethingNew", b'{"a": "b"}'),
    ],
)
def test_events_that_cannot_be_read(data: bytes) -> None:
    """They count by their bytes."""
    assert streamed(data).output_tokens_max > streamed().output_tokens_max
    assert streamed(data).usage is None
