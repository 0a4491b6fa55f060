"""The oldest API of OpenAI: prompts in four shapes, choices that multiply, a small default cap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.openai_completions import OPENAI_COMPLETIONS, PATH
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract


class TestContract(WireFormatContract):
    """Completions keep the contract."""

    wire_format = OPENAI_COMPLETIONS
    default = Call("openai", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "gpt-3.5-turbo-instruct", "prompt": "Hello", **fields}).encode()
    return Call("openai", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_COMPLETIONS.read(call(**fields))


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({}, 1),
        ({"prompt": None}, 1),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"n": 4}, 4),
        ({"n": 2, "best_of": 5}, 5),
        ({"prompt": ["a", "b"], "n": 3}, 6),
    ],
)
def test_every_answer_that_is_generated_counts(fields: dict[str, Any], choices: int) -> None:
    """For each prompt, all that are asked for and all that they are chosen from."""
    assert read(**fields).choices == choices


def test_input_is_bounded_by_the_bytes() -> None:
    """Text, a suffix and numbers take at least a byte a token."""
    many = list(range(1000))
    assert read(prompt=many).input_tokens_max > 1000
    assert read(suffix="x" * 500).input_tokens_max > read().input_tokens_max + 500


def test_without_a_cap_there_is_a_small_one() -> None:
    """The API's own, which need not be written; a granted one is, if it is lower."""
    facts = read()
    assert (facts.output_tokens_cap, read(max_tokens=0).output_tokens_cap) == (16, 0)
    assert OPENAI_COMPLETIONS.patch(call(), facts, Grant(16)) == call().body
    assert json.loads(OPENAI_COMPLETIONS.patch(call(), facts, Grant(4)))["max_tokens"] == 4
    asked = call(max_tokens=9)
    assert OPENAI_COMPLETIONS.patch(asked, OPENAI_COMPLETIONS.read(asked), Grant(9)) == asked.body


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"echo": True}, 403),
        ({"model": None}, 400),
        ({"prompt": []}, 400),
        ({"prompt": 7}, 400),
        ({"prompt": ["a", 1]}, 400),
        ({"prompt": [None]}, 400),
        ({"n": 0}, 400),
        ({"best_of": "2"}, 400),
        ({"max_tokens": -1}, 400),
        ({"stream": "yes"}, 400),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """What no provider would take, and what may be billed twice."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_usage_is_asked_for_in_a_stream() -> None:
    """Unless the client asked itself; and hidden again, where it did not."""
    request = call(stream=True, stream_options={"x": 1})
    facts = OPENAI_COMPLETIONS.read(request)
    sent = json.loads(OPENAI_COMPLETIONS.patch(request, facts, Grant()))
    assert sent["stream_options"] == {"x": 1, "include_usage": True}
    assert isinstance(OPENAI_COMPLETIONS.meter(facts, 200, "text/event-stream"), StreamMeter)
    assert isinstance(OPENAI_COMPLETIONS.meter(facts, 500, "text/event-stream"), JsonMeter)


def test_denials_have_openais_shape() -> None:
    """As everywhere in this API; and it claims its one path."""
    denial = Denial(402, "budget_exceeded", "No.")
    assert OPENAI_COMPLETIONS.refuse(denial).status == 402
    assert b"budget_exceeded" in OPENAI_COMPLETIONS.error_event(denial)
    assert not OPENAI_COMPLETIONS.claims(Call("openai", "GET", PATH, "", {}, b""))
