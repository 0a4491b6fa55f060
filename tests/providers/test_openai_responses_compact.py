"""Compaction of a conversation: one run of the model, whose output no field can cap."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from providers.openai_responses_compact import OPENAI_RESPONSES_COMPACT, PATH
from providers.price import reserve
from providers.prices import ModelOverride, PriceBook
from providers.unquotable import UnknownLength
from providers.wire import Call, Denial, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

PRICES = (Decimal(1), Decimal(2))


class TestContract(WireFormatContract):
    """Compaction keeps the contract."""

    wire_format = OPENAI_RESPONSES_COMPACT
    default = Call("openai", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "gpt-5.2", "input": "Hello", **fields}).encode()
    return Call("openai", "POST", PATH, "", {}, body)


def test_the_longest_answer_is_reserved_whatever_the_budget() -> None:
    """No cap can be written, so none can be granted: the quote does not fall with it."""
    facts = OPENAI_RESPONSES_COMPACT.read(call())
    quote = PriceBook().price("openai", "gpt-5.2", AT).quote(facts)
    assert quote.output_rate_picousd == 0
    assert reserve(quote, 1) == reserve(quote, quote.output_tokens_cap) >= 128_000 * 14_000
    assert OPENAI_RESPONSES_COMPACT.patch(call(), facts, Grant(5, 5)) == call().body


def test_a_model_of_unknown_length_has_no_bound() -> None:
    """Without a longest answer, from the table or the operator, there is nothing to reserve."""
    facts = OPENAI_RESPONSES_COMPACT.read(call(model="mine"))
    own = ModelOverride("openai", *PRICES)
    with pytest.raises(UnknownLength, match="'mine'"):
        PriceBook({"mine": own}).price("openai", "mine", AT).quote(facts)
    known = ModelOverride("openai", *PRICES, max_output_tokens=100)
    quote = PriceBook({"mine": known}).price("openai", "mine", AT).quote(facts)
    assert quote.fixed_nanousd == quote.input_tokens * 1000 + 100 * 2000


def test_earlier_turns_and_options() -> None:
    """A conversation may be named instead of sent; what is not known is refused."""
    read = OPENAI_RESPONSES_COMPACT.read
    assert read(call(input=None, previous_response_id="resp_1")).input_unseen
    assert read(call(tools=[{"type": "web_search"}])).input_unseen
    for fields in ({"input": None}, {"stream": True}, {"max_output_tokens": 5}):
        with pytest.raises(Refused):
            read(call(**fields))


def test_denials_have_openais_shape() -> None:
    """As everywhere in this API."""
    denial = Denial(402, "budget_exceeded", "No.")
    assert OPENAI_RESPONSES_COMPACT.refuse(denial).status == 402
    assert b"budget_exceeded" in OPENAI_RESPONSES_COMPACT.error_event(denial)


def test_it_claims_its_one_path() -> None:
    """Only POST, and only the exact path."""
    assert OPENAI_RESPONSES_COMPACT.claims(call())
    for method, path in [("GET", PATH), ("POST", "/v1/responses")]:
        assert not OPENAI_RESPONSES_COMPACT.claims(Call("openai", method, path, "", {}, b""))
