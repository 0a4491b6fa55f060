"""Cohere Chat v2 requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.cohere_chat import COHERE_CHAT, PATH
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract

HELLO = [{"role": "user", "content": "Hello"}]


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "command-r7b-12-2024", "messages": HELLO, **fields}).encode()
    return Call("cohere", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return COHERE_CHAT.read(call(**fields))


def with_part(part: object) -> list[dict[str, object]]:
    """Messages that hold one content part."""
    return [{"role": "user", "content": [part]}]


class TestContract(WireFormatContract):
    """Cohere Chat keeps the contract."""

    wire_format = COHERE_CHAT
    default = Call("cohere", "POST", PATH, "", {}, b"")


MALFORMED: list[dict[str, Any]] = [
    {"model": None},
    {"messages": None},
    {"messages": []},
    {"messages": "hi"},
    {"messages": ["hi"]},
    {"messages": [{"role": "user", "content": 7}]},
    {"messages": with_part("bare")},
    {"max_tokens": "abc"},
    {"max_tokens": 0},
    {"stream": 1},
    {"tools": {}},
    {"tools": ["f"]},
    {"documents": "text"},
]
UNMETERED: list[dict[str, Any]] = [
    {"messages": with_part({"type": "image_url", "image_url": {"url": "https://x/y.png"}})},
    {"messages": with_part({"type": "some_new_kind"})},
    {"tools": [{"type": "web_search"}]},
    {"connectors": [{"id": "web-search"}]},
]


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: json.dumps(fields)[:40])
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What no provider would take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


@pytest.mark.parametrize("fields", UNMETERED, ids=lambda fields: json.dumps(fields)[:40])
def test_what_cannot_be_bounded_is_a_403(fields: dict[str, Any]) -> None:
    """Content whose cost the request does not bound never passes unmetered."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


def test_the_whole_body_bounds_the_input() -> None:
    """Tools, documents and text that Cohere composes into more all count."""
    plain = read()
    assert plain.input_tokens_max >= len(call().body)
    assert (plain.kind, plain.model, plain.endpoint) == ("metered", "command-r7b-12-2024", PATH)
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 500}}
    assert read(tools=[tool]).input_tokens_max >= plain.input_tokens_max + 500
    documents = [{"id": "d", "data": {"text": "x" * 500}}]
    assert read(documents=documents).input_tokens_max >= plain.input_tokens_max + 500
    body = json.dumps({"model": "m", "messages": with_part({"type": "text", "text": "\ufdfa" * 9})})
    grown = COHERE_CHAT.read(Call("cohere", "POST", PATH, "", {}, body.encode()))
    assert grown.input_tokens_max >= 9 * 33


@pytest.mark.parametrize("fields", [{}, {"max_tokens": 9}, {"max_tokens": None}])
def test_the_granted_cap_is_written(fields: dict[str, Any]) -> None:
    """Where none was asked, or more."""
    request = call(**fields)
    patched = COHERE_CHAT.patch(request, COHERE_CHAT.read(request), Grant(5))
    assert json.loads(patched) == {**json.loads(request.body), "max_tokens": 5}


@pytest.mark.parametrize(
    ("fields", "cap"), [({}, None), ({"max_tokens": 5}, 9), ({"stream": True}, None)]
)
def test_nothing_to_change_leaves_the_bytes_alone(fields: dict[str, Any], cap: int | None) -> None:
    """A cap is never raised, and usage comes without being asked for."""
    request = call(**fields)
    assert COHERE_CHAT.patch(request, COHERE_CHAT.read(request), Grant(cap)) is request.body


def test_it_claims_its_one_path_and_refuses_as_cohere() -> None:
    """Only POST, and only the exact path; denials in Cohere's shape."""
    assert COHERE_CHAT.claims(call())
    for method, path in [("GET", PATH), ("POST", PATH + "/"), ("POST", "/v1/chat")]:
        assert not COHERE_CHAT.claims(Call("cohere", method, path, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(COHERE_CHAT.refuse(denial).body)["message"] == "m"
    assert COHERE_CHAT.error_event(denial).startswith(b"event: message-end")
