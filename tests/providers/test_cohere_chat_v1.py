"""Cohere Chat v1 requests: what they may cost and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.cohere_chat_v1 import COHERE_CHAT_V1, PATH
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "command-r-08-2024", "message": "Hello", **fields}).encode()
    return Call("cohere", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return COHERE_CHAT_V1.read(call(**fields))


class TestContract(WireFormatContract):
    """Cohere Chat v1 keeps the contract."""

    wire_format = COHERE_CHAT_V1
    default = Call("cohere", "POST", PATH, "", {}, b"")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"message": None}, 400),
        ({"chat_history": "hi"}, 400),
        ({"max_tokens": -1}, 400),
        ({"conversation_id": 1}, 400),
        ({"connectors": [{"id": "web-search"}]}, 403),
        ({"search_queries_only": True}, 403),
        ({"prompt_truncation": "AUTO"}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed bodies, and everything that has fees or runs of its own."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_every_turn_counts() -> None:
    """History, documents and results are input like the message; options are read."""
    plain = read(max_tokens=7, stream=True)
    assert (plain.output_tokens_cap, plain.stream, plain.input_unseen) == (7, True, False)
    history = [{"role": "USER", "message": "x" * 300}]
    assert read(chat_history=history).input_tokens_max > plain.input_tokens_max + 300
    harmless = {"prompt_truncation": "AUTO_PRESERVE_ORDER", "connectors": [], "seed": 1}
    assert read(**harmless).kind == "metered"


def test_a_kept_conversation_is_input_that_was_not_sent() -> None:
    """Only the model's window bounds what Cohere adds."""
    assert read(conversation_id="c-1").input_unseen


def test_it_patches_claims_and_refuses_as_cohere() -> None:
    """The cap is written, only the exact path is claimed, a stream ends with a line."""
    request = call()
    patched = COHERE_CHAT_V1.patch(request, COHERE_CHAT_V1.read(request), Grant(5))
    assert json.loads(patched)["max_tokens"] == 5
    assert COHERE_CHAT_V1.claims(request)
    assert not COHERE_CHAT_V1.claims(Call("cohere", "POST", "/v2/chat", "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(COHERE_CHAT_V1.refuse(denial).body)["message"] == "m"
    assert json.loads(COHERE_CHAT_V1.error_event(denial))["error"] == "m"
