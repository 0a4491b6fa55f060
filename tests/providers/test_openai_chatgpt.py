"""Codex on a plan is metered as the API is, but that no cap can be written."""

from __future__ import annotations

import json
from typing import Any

from providers.openai_chatgpt import CHATGPT_RESPONSES
from providers.openai_responses import OPENAI_RESPONSES, PATH
from providers.price import reserve
from providers.prices import PriceBook
from providers.wire import Call, Grant
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract


class TestContract(WireFormatContract):
    """It keeps the contract of every wire format."""

    wire_format = CHATGPT_RESPONSES
    default = Call("chatgpt", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    body = json.dumps({"model": "gpt-5.2", "input": "Hello", "stream": True, **fields}).encode()
    return Call("chatgpt", "POST", "/backend-api/codex/responses", "", {}, body, canonical=PATH)


def test_the_longest_answer_is_reserved_whatever_the_budget() -> None:
    """The reserve does not fall with a smaller cap, for none is written."""
    facts = CHATGPT_RESPONSES.read(call())
    quote = PriceBook().price("openai", "gpt-5.2", AT).quote(facts)
    assert reserve(quote, 1) == reserve(quote, quote.output_tokens_cap)
    assert CHATGPT_RESPONSES.patch(call(), facts, Grant(5)) == call().body


def test_the_control() -> None:
    """At the API's own host the cap is written."""
    facts = OPENAI_RESPONSES.read(call())
    sent = json.loads(OPENAI_RESPONSES.patch(call(), facts, Grant(16)))
    assert sent["max_output_tokens"] == 16
