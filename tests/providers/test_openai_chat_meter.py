"""Meters of Chat Completions over whole answers of every shape, cut everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai_chat import OPENAI_CHAT, PATH
from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.wire import Call, Reading
from tests.providers.contract import WireFormatContract, run

FIXTURES = sorted((Path(__file__).parent / "fixtures" / "openai_chat").iterdir())
EVENTS = st.sampled_from(
    [
        b"data: ",
        b"\n\n",
        b"{}",
        b'{"choices":',
        b"[",
        b"]",
        b"}",
        b"null",
        b'"usage":',
        b",",
        b"\xff",
    ]
)


def answer(case: Path) -> bytes:
    """The provider's bytes of a case."""
    return next(case.glob("response.*")).read_bytes()


class TestContract(WireFormatContract):
    """Chat Completions keeps the contract."""

    wire_format = OPENAI_CHAT
    default = Call("openai", "POST", PATH, "", {}, b"")


@pytest.mark.parametrize("case", FIXTURES, ids=lambda case: case.name)
def test_nothing_is_delayed_beyond_its_event(case: Path) -> None:
    """Hiding holds back at most the event under way; not hiding holds back nothing."""
    counter, held = StreamMeter(hide_usage=True), 0
    for byte in answer(case):
        out = counter.feed(bytes([byte]))
        held = 0 if out else held + 1
        assert held <= max(map(len, answer(case).split(b"\n\n"))) * 2 + 4
    open_counter = StreamMeter(hide_usage=False)
    assert all(open_counter.feed(bytes([b])) == bytes([b]) for b in answer(case))
    assert open_counter.finish() == b""


def test_the_bound_covers_what_was_delivered() -> None:
    """Text, reasoning, refusals, tool calls and unknown strings all count, by bytes at least."""
    deltas: list[dict[str, Any]] = [
        {"content": "界" * 10},
        {"reasoning_content": "r" * 30},
        {"reasoning": "r" * 30},
        {"refusal": "r" * 30},
        {
            "tool_calls": [
                {"index": 0, "id": "c", "function": {"name": "f" * 15, "arguments": "{" * 15}}
            ]
        },
        {"function_call": {"name": "f" * 15, "arguments": "{" * 15}},
        {"some_new_field": ["n" * 30]},
    ]
    counter, before = StreamMeter(hide_usage=True), 0
    for delta in deltas:
        chunk = {"choices": [{"index": 0, "delta": delta}]}
        counter.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        now = counter.reading().output_tokens_max
        assert now - before > 30
        before = now


def test_a_chunk_without_text_still_counts() -> None:
    """A token may leave no text of its own, so no chunk with a choice counts as nothing."""
    counter = StreamMeter(hide_usage=False)
    for expected in (17, 18, 19):
        counter.feed(b'data: {"choices":[{"index":0,"delta":{}}]}\n\n')
        assert counter.reading().output_tokens_max == expected


def test_what_cannot_be_read_counts_by_its_bytes() -> None:
    """Broken, foreign and too large events are passed on and bounded, never skipped."""
    for event in (b"data: {broken\n\n", b"data: [1,2]\n\n", b'data: {"choices":{}}\n\n'):
        counter = StreamMeter(hide_usage=True)
        assert counter.feed(event) == event
        assert counter.reading().output_tokens_max >= len(event) - 8
    huge = b"data: " + b"x" * (2 << 20) + b"\n\n"
    counter = StreamMeter(hide_usage=True)
    assert counter.feed(huge[:9]) + counter.feed(huge[9:]) == huge
    assert counter.reading().output_tokens_max == len(huge)


@given(st.lists(EVENTS, max_size=25).map(b"".join) | st.binary(max_size=60), st.integers(1, 9))
def test_meters_never_raise_and_lose_nothing(stream: bytes, step: int) -> None:
    """Any bytes pass in order; only a whole usage-only event can be missing."""
    chunks = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert run(JsonMeter(), chunks)[0] == stream
    assert run(StreamMeter(hide_usage=False), chunks)[0] == stream
    passed = run(StreamMeter(hide_usage=True), chunks)[0]
    assert passed == stream or b"usage" in stream


def test_a_running_total_is_no_bill() -> None:
    """While a choice is open its usage tells the input alone; with all choices ended it counts."""
    counter = StreamMeter(hide_usage=False)

    def event(index: int, finish: str | None, output: int) -> Reading:
        usage = {"prompt_tokens": 5, "completion_tokens": output}
        choice = {"index": index, "delta": {"content": "x"}, "finish_reason": finish}
        chunk = {"choices": [choice], "usage": usage}
        counter.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        return counter.reading()

    for index, finish in ((0, None), (1, None), (0, "stop")):
        found = event(index, finish, 1)
        assert (found.usage, found.complete) == (None, False)
        assert found.known is not None
        assert found.known.counts == {"input_tokens": 5}
    last = event(1, "length", 9)
    assert last.usage is not None
    assert last.usage.counts == {"input_tokens": 5, "output_tokens": 9}


def test_the_end_mark_ends_all_choices() -> None:
    """A host that names no reason for the end is believed at `[DONE]`."""
    counter = StreamMeter(hide_usage=False)
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    chunk = {"choices": [{"index": 0, "delta": {}}], "usage": usage}
    counter.feed(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
    assert counter.reading().usage is not None


def test_a_json_answer_is_read_before_it_is_finished() -> None:
    """A client that hangs up after the last byte is still charged what the provider said."""
    whole = answer(next(case for case in FIXTURES if case.name == "json_plain"))
    counter = JsonMeter()
    counter.feed(whole[:-10])
    assert counter.reading() == Reading(None, len(whole) - 10, complete=False)
    counter.feed(whole[-10:])
    assert counter.reading().usage is not None


def test_errors_are_read_as_json_whatever_the_request_asked() -> None:
    """An error answer to a stream is no stream."""
    facts = OPENAI_CHAT.read(
        Call("openai", "POST", PATH, "", {}, b'{"model":"m","messages":[{}],"stream":true}')
    )
    assert isinstance(OPENAI_CHAT.meter(facts, 500, "text/event-stream"), JsonMeter)
    assert isinstance(OPENAI_CHAT.meter(facts, 200, ""), StreamMeter)
    assert isinstance(OPENAI_CHAT.meter(facts, 200, "application/json"), JsonMeter)
