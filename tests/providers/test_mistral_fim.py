"""Mistral's fill-in-the-middle: what a request may cost, and the cap that is written into it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.mistral_fim import MISTRAL_FIM, PATH
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract


class TestContract(WireFormatContract):
    """FIM keeps the contract."""

    wire_format = MISTRAL_FIM
    default = Call("mistral", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "codestral-latest", "prompt": "def f(", **fields}).encode()
    return Call("mistral", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return MISTRAL_FIM.read(call(**fields))


def test_both_sides_of_the_gap_are_input() -> None:
    """The suffix counts as the prompt does, and so does what normalisation may add to either."""
    small = read().input_tokens_max
    assert read(suffix="x" * 500).input_tokens_max >= small + 500
    longer = read(prompt="\ufdfa" * 100).input_tokens_max - read(prompt="x" * 600).input_tokens_max
    assert longer >= 100 * len("صلى الله عليه وسلم")


def test_the_cap_is_written_and_never_raised() -> None:
    """Where there is none it is added; a lower one stays; nothing else changes."""
    without, asked = call(suffix=")"), call(max_tokens=9)
    sent = json.loads(MISTRAL_FIM.patch(without, read(suffix=")"), Grant(5)))
    assert sent == {**json.loads(without.body), "max_tokens": 5}
    facts = MISTRAL_FIM.read(asked)
    assert MISTRAL_FIM.patch(asked, facts, Grant(9)) is asked.body
    assert json.loads(MISTRAL_FIM.patch(asked, facts, Grant(4)))["max_tokens"] == 4
    assert MISTRAL_FIM.patch(without, read(suffix=")"), Grant()) is without.body


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"prompt": None}, 400),
        ({"prompt": ["a"]}, 400),
        ({"suffix": 1}, 400),
        ({"max_tokens": -1}, 400),
        ({"stream": "yes"}, 400),
        ({"n": 2}, 403),
        ({"tools": []}, 403),
        ({"service_tier": "priority"}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """What no provider would take, and options that are not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_null_is_no_option() -> None:
    """Where an SDK writes out what was left open, nothing is asked."""
    assert read(tools=None, max_tokens=None).output_tokens_cap is None


def test_denials_are_of_openais_shape() -> None:
    """As JSON, and as an event."""
    denial = Denial(402, "budget_exceeded", "No.")
    assert json.loads(MISTRAL_FIM.refuse(denial).body)["error"]["message"] == "No."
    assert MISTRAL_FIM.error_event(denial).startswith(b"data: ")
    assert not MISTRAL_FIM.claims(Call("mistral", "GET", PATH, "", {}, b""))
