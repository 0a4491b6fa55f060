"""What events of a response come to, fed one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_responses_tally import DELTA_TOKENS, ITEM_TOKENS, Tally
from providers.wire import Reading


def told(*events: dict[str, Any]) -> Reading:
    """What is known after these events."""
    tally = Tally()
    for event in events:
        tally.event(event, len(json.dumps(event)))
    return tally.reading()


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


def test_an_answer_tells_what_going_on_from_it_adds() -> None:
    """Its output, as counted, and the framing of its items; nothing without id or usage."""
    usage = {"input_tokens": 5, "output_tokens": 200}
    items = [{"type": "reasoning"}, {"type": "message", "content": []}]
    whole = {"id": "resp_1", "output": items, "usage": usage}
    expected = ("resp_1", 200 + 2 * ITEM_TOKENS)
    assert told({"type": "response.completed", "response": whole}).stored == expected
    tally = Tally()
    tally.response(whole)
    assert tally.reading().stored == expected
    for bare in ({**whole, "id": None}, {**whole, "usage": None}):
        assert told({"type": "response.completed", "response": bare}).stored is None
