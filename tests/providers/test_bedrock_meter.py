"""Answers of Converse are counted from their frames, in whatever order and state they come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bedrock_meter import ConverseStreamMeter, converse_usage, stated
from providers.wire import Facts, Reading
from tests.providers.framed import event_frame

FACTS = Facts(
    "/model/{id}/converse-stream", "metered", "m", stream=True, service_tier="region x1.2"
)
USAGE = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}


def event(kind: str, **payload: Any) -> bytes:
    return event_frame(kind, json.dumps({**payload, "p": "abcdefghijkl"}).encode())


def metered(*parts: bytes) -> Reading:
    meter = ConverseStreamMeter(FACTS)
    for part in parts:
        assert meter.feed(part) == part
    assert meter.finish() == b""
    return meter.reading()


def test_padding_is_no_output() -> None:
    """Only what the model said counts, and a little for each block and delta."""
    empty = metered(event("messageStart", role="assistant")).output_tokens_max
    delta = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "é"})
    assert metered(delta).output_tokens_max == empty + 1 + 2
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"name": "ab"}})
    assert metered(start).output_tokens_max == empty + 64 + 2


def test_the_price_is_that_of_the_region() -> None:
    """The usage carries the surcharge of the call."""
    usage = metered(event("metadata", usage=USAGE)).usage
    assert usage is not None
    assert usage.service_tier == "region x1.2"


def test_an_exception_is_neither_output_nor_an_end() -> None:
    """What it says is not billed."""
    from providers.bedrock_errors import error_event
    from providers.wire import Denial

    empty = metered(b"")
    assert metered(error_event(Denial(402, "c", "m" * 500))) == empty


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b"null"])
def test_payloads_that_are_no_objects(payload: bytes) -> None:
    """They say nothing, and do no harm."""
    assert metered(event_frame("contentBlockDelta", payload)).usage is None


@pytest.mark.parametrize(
    ("details", "hour"),
    [
        ([{"ttl": "5m", "inputTokens": 10}], None),
        ([{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 6}], 4),
        ([{"ttl": "1h", "inputTokens": 4}], 10),
        (None, 10),
        ("x", 10),
        ([7, {}], 10),
    ],
)
def test_writes_of_which_the_time_is_not_told(details: Any, hour: int | None) -> None:
    """They are for an hour, if any may be."""
    usage = {**USAGE, "cacheWriteInputTokens": 10, "cacheDetails": details}
    found = converse_usage(Facts("e", "metered"), usage)
    assert found is not None
    assert found.counts.get("cache_write_1h_tokens") == hour
    never = Facts("e", "metered", unbilled=frozenset({"cache_write_1h_tokens"}))
    plain = converse_usage(never, {**usage, "cacheDetails": None})
    assert plain is not None
    assert "cache_write_1h_tokens" not in plain.counts


@pytest.mark.parametrize("usage", [None, 7, [], {}, {"inputTokens": 1}, {"outputTokens": 1}])
def test_no_usage(usage: Any) -> None:
    """What does not tell both counts is none."""
    assert converse_usage(FACTS, usage) is None
    assert stated(FACTS, None) is None
