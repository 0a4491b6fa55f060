"""Ollama's chat and completions: what they may use, what AEX writes into them, what is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.ollama_chat import CHAT, GENERATE, OLLAMA_CHAT, usage_of
from providers.wire import Call, Denial, Facts, Grant, Refused, Usage
from tests.providers.contract import WireFormatContract

HELLO = [{"role": "user", "content": "Hello"}]


def call(path: str = CHAT, **fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "llama3.2", "messages": HELLO, **fields}).encode()
    return Call("ollama", "POST", path, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OLLAMA_CHAT.read(call(**fields))


class TestContract(WireFormatContract):
    """Ollama's own API keeps the contract."""

    wire_format = OLLAMA_CHAT
    default = Call("ollama", "POST", CHAT, "", {}, b"")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"messages": "hi"}, 400),
        ({"options": []}, 400),
        ({"options": {"num_predict": "5"}}, 400),
        ({"options": {"num_predict": -3}}, 400),
        ({"options": {"num_ctx": 0}}, 400),
        ({"stream": 1}, 400),
        ({"tools": ["f"]}, 400),
        ({"tools": [{"type": "web_search"}]}, 403),
        ({"width": 512}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed bodies, and what is not counted in tokens."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


@pytest.mark.parametrize(("stream", "streams"), [(None, True), (True, True), (False, False)])
def test_answers_are_streamed_unless_told_otherwise(stream: bool | None, streams: bool) -> None:
    """That is Ollama's own default."""
    assert read(stream=stream).stream is streams
    assert read().stream


def test_the_context_bounds_the_input() -> None:
    """The request's own, or else the model's window: a Modelfile adds what was not sent."""
    facts = read(options={"num_ctx": 4096})
    assert (facts.input_tokens_max, facts.input_unseen) == (4096, False)
    assert read(options={"num_ctx": 1}).input_tokens_max == 4
    facts = read()
    assert facts.input_unseen
    assert facts.input_tokens_max >= len(call().body)


@pytest.mark.parametrize(
    ("asked", "cap"), [(7, 7), (0, None), (-1, None), (-2, None), (None, None)]
)
def test_the_cap_is_read(asked: int | None, cap: int | None) -> None:
    """What caps nothing is no cap."""
    assert read(options={"num_predict": asked}).output_tokens_cap == cap


def test_the_granted_cap_is_written() -> None:
    """Beside the other options, and never above what was asked."""
    for options, sent in (
        ({"seed": 1}, {"seed": 1, "num_predict": 5}),
        ({"num_predict": 9}, {"num_predict": 5}),
        ({"num_predict": -1}, {"num_predict": 5}),
        (None, {"num_predict": 5}),
    ):
        request = call(options=options)
        patched = OLLAMA_CHAT.patch(request, OLLAMA_CHAT.read(request), Grant(5))
        assert json.loads(patched)["options"] == sent
    for request, cap in ((call(), None), (call(options={"num_predict": 5}), 9)):
        assert OLLAMA_CHAT.patch(request, OLLAMA_CHAT.read(request), Grant(cap)) is request.body


def test_a_model_brought_into_memory_used_nothing() -> None:
    """Such an answer has no counts; one that lacks them otherwise tells nothing."""
    loaded = {"model": "m", "done": True, "done_reason": "load"}
    assert usage_of(loaded) == Usage({"input_tokens": 0, "output_tokens": 0}, "m")
    assert usage_of({**loaded, "done_reason": "stop"}) is None
    assert usage_of({**loaded, "eval_count": 3}) is None


def test_what_was_delivered_is_bounded_by_its_bytes() -> None:
    """Text, thinking and calls alike, in either kind of answer."""
    meter = OLLAMA_CHAT.meter(read(), 200, "application/x-ndjson")
    line = {"message": {"content": "界" * 10, "thinking": "x" * 10}, "done": False}
    meter.feed(json.dumps(line).encode() + b"\n")
    assert 40 <= meter.reading().output_tokens_max <= 60
    meter.feed(json.dumps({"response": "x" * 10, "done": False}).encode() + b"\n")
    assert 50 <= meter.reading().output_tokens_max <= 90


def test_it_claims_its_paths_and_refuses_as_ollama() -> None:
    """Only POST, and only the exact paths."""
    assert OLLAMA_CHAT.claims(call())
    assert OLLAMA_CHAT.claims(call(GENERATE))
    for method, path in [("GET", CHAT), ("POST", CHAT + "/"), ("POST", "/api/pull")]:
        assert not OLLAMA_CHAT.claims(Call("ollama", method, path, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OLLAMA_CHAT.refuse(denial).body)["error"] == "m"
    assert json.loads(OLLAMA_CHAT.error_event(denial))["error"] == "m"
