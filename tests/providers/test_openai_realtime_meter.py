"""Realtime's answers: what their messages tell, and that no message can break the meter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_realtime import OPENAI_REALTIME
from providers.openai_realtime_meter import ASK_ID, ResponseMeter
from providers.prices import PriceBook
from providers.wire import Facts, Reading
from tests.providers.catalogue import AT
from tests.providers.contract import ODD, bent, dumped

USAGE: dict[str, Any] = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "usage": None}}
PRICE = PriceBook().price("openai", "gpt-realtime", AT)


def done(usage: Any, status: str = "completed") -> dict[str, Any]:
    """The last message of a response."""
    return {"type": "response.done", "response": {"status": status, "usage": usage}}


def error(event_id: Any) -> dict[str, Any]:
    """An error about the message of this name."""
    return {"type": "error", "event_id": "e", "error": {"message": "No.", "event_id": event_id}}


def read(*events: Any, event_id: str = ASK_ID) -> Reading:
    """What these messages tell; they pass as they are."""
    meter = ResponseMeter(event_id)
    for event in events:
        assert meter.feed(dumped(event)) == dumped(event)
    assert meter.finish() == b""
    return meter.reading()


def bill(usage: Any) -> int:
    """What a usage is billed as."""
    found = read(CREATED, done(usage)).usage
    assert found is not None
    return PRICE.bill(found)


@pytest.mark.parametrize("status", ["completed", "cancelled", "incomplete", "failed"])
def test_the_end_tells_the_usage(status: str) -> None:
    """However it ended; $4, $0.40 and $32 in, $16 and $64 out per million."""
    reading = read(CREATED, {"type": "response.output_audio.delta"}, done(USAGE, status))
    assert (reading.complete, reading.status) == (True, 200)
    assert bill(USAGE) == 55 * 4000 + 64 * 400 + 13 * 32_000 + 30 * 16_000 + 91 * 64_000


def test_parts_that_are_not_told_are_billed_as_sound() -> None:
    """Never as text, which is less."""
    plain = {"input_tokens": 10, "output_tokens": 5}
    assert bill(plain) == 10 * 32_000 + 5 * 64_000
    half = {**plain, "input_token_details": {"audio_tokens": 4, "cached_tokens": 3}}
    assert bill(half) >= 4 * 32_000 + 3 * 400 + 3 * 4000 + 5 * 64_000


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 3}, {**USAGE, "input_tokens": 1}])
def test_useless_usage(usage: Any) -> None:
    """It counts as not told, at an end all the same."""
    assert read(CREATED, done(usage)) == Reading(None, 0, True, status=200)


def test_before_the_end() -> None:
    """Nothing is known but that it began."""
    assert read() == Reading(None, 0, False)
    assert read({"type": "rate_limits.updated"}).status is None
    assert read(CREATED) == Reading(None, 0, False, status=200)


def test_errors() -> None:
    """One about what asked ends it; others, and later ones, do not."""
    assert read(error(ASK_ID)) == Reading(None, 0, True, status=400)
    assert read(error("mine"), event_id="mine").status == 400
    for other in (error(None), error("x"), {"type": "error"}, {"type": "error", "error": "x"}):
        assert read(other) == Reading(None, 0, False)
    assert read(CREATED, error(ASK_ID)) == Reading(None, 0, False, status=200)


def test_the_meter_of_a_message_knows_its_name() -> None:
    """Its own, or the one that is written into it."""
    for document, name in (({"event_id": "mine"}, "mine"), ({"event_id": 3}, ASK_ID), ({}, ASK_ID)):
        meter = OPENAI_REALTIME.meter(Facts("", "metered", document=document), 200, "")
        meter.feed(json.dumps(error(name)).encode())
        assert meter.reading().status == 400


def test_no_message_makes_it_raise() -> None:
    """Any field absent, of another kind, huge or negative."""
    for event in (CREATED, done(USAGE), error(ASK_ID)):
        for variant in bent(event, ODD):
            usage = read(variant).usage
            assert usage is None or all(n >= 0 for n in usage.counts.values())
    meter = ResponseMeter(ASK_ID)
    assert meter.feed(b"\xff[") == b"\xff["
    assert meter.reading() == Reading(None, 0, False)
