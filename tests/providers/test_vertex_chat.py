"""Chat Completions at Vertex AI: the dialect of the Gemini API, at the prices of a location."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.registry import PROVIDERS, find
from providers.vertex_chat import VERTEX_CHAT
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract

PATH = "/v1/projects/p-1/locations/{}/endpoints/{}/chat/completions"
VERTEX = next(provider for provider in PROVIDERS if provider.id == "google-vertex")


class TestContract(WireFormatContract):
    """Chat Completions at Vertex AI keep the contract."""

    wire_format = VERTEX_CHAT
    default = Call("google-vertex", "POST", PATH.format("global", "openapi"), "", {}, b"")


def call(place: str = "global", endpoint: str = "openapi", **fields: Any) -> Call:
    document = {"model": "google/gemini-3.8-flash", "messages": [{"role": "user", "content": "x"}]}
    body = json.dumps({**document, **fields}).encode()
    return Call("google-vertex", "POST", PATH.format(place, endpoint), "", {}, body)


def read(**given: Any) -> Facts:
    return VERTEX_CHAT.read(call(**given))


def test_whose_calls_they_are() -> None:
    """Those to the shared endpoint; a deployed one is of the customer's own, and refused."""
    for endpoint, name in (("openapi", "vertex_chat"), ("1234567", None)):
        found = find(call(endpoint=endpoint), VERTEX.formats)
        assert (found.name if found else None) == name


def test_facts() -> None:
    """The price is of the model without its maker's name, at the location that is asked."""
    assert [read(place=place).service_tier for place in ("global", "us-east5", "eu")] == [
        *(None, "regional", "regional")
    ]
    facts = read(stream=True, n=2, max_tokens=9)
    assert (facts.model, facts.choices, facts.output_tokens_cap) == ("gemini-3.8-flash", 2, 9)
    sent = json.loads(VERTEX_CHAT.patch(call(stream=True), read(stream=True), Grant(5)))
    assert (sent["model"], sent["max_tokens"]) == ("google/gemini-3.8-flash", 5)
    assert sent["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "meta/llama-3.3-70b-instruct-maas"},
        {"model": "gemini-3.8-flash"},
        {"model": "google/gemma-4-26b-a4b-it-maas"},
        {"model": "google/gemini-2.5-flash-image"},
        {"extra_body": {"google": {"cached_content": "x"}}},
        {"web_search_options": {}},
        {"service_tier": "priority"},
    ],
    ids=str,
)
def test_what_is_not_metered(fields: dict[str, Any]) -> None:
    """Other makers' models, other kinds of output, and options that are not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == 403
