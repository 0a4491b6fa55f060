"""Claude at Vertex AI: the path names the model and the location, the body is Anthropic's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.prices import PriceBook
from providers.registry import PROVIDERS, find
from providers.unquotable import UnknownTier, UnknownUnit
from providers.vertex_claude import VERTEX_CLAUDE
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

MODEL = "claude-haiku-4-5@20251001"
PATH = "/v1/projects/p-1/locations/{}/publishers/{}/models/{}:{}"
HELLO = [{"role": "user", "content": "Hello"}]
BOOK = PriceBook(providers=PROVIDERS)
VERTEX = next(provider for provider in PROVIDERS if provider.id == "google-vertex")
HOUR = {"type": "ephemeral", "ttl": "1h"}


class TestContract(WireFormatContract):
    """Claude at Vertex AI keeps the contract."""

    wire_format = VERTEX_CLAUDE
    default = Call("google-vertex", "POST", "", "", {}, b"")


def call(
    model: str = MODEL,
    method: str = "rawPredict",
    place: str = "global",
    headers: dict[str, str] | None = None,
    publisher: str = "anthropic",
    **fields: Any,
) -> Call:
    """A call with a small valid body, changed by the fields given."""
    document = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 64, "messages": HELLO}
    path = PATH.format(place, publisher, model, method)
    body = json.dumps({**document, **fields}).encode()
    return Call("google-vertex", "POST", path, "", headers or {}, body)


def read(model: str = MODEL, **given: Any) -> Facts:
    """The facts of such a call."""
    return VERTEX_CLAUDE.read(call(model, **given))


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (call(), "vertex_claude"),
        (call(method="streamRawPredict", stream=True), "vertex_claude"),
        (call("count-tokens"), "gemini_free"),
        (call(method="predict"), None),
        (call(publisher="mistralai"), None),
        (call(publisher="meta", method="streamRawPredict"), None),
        (Call("google-vertex", "GET", call().path, "", {}, b""), None),
        (Call("google-vertex", "POST", call().path + "/", "", {}, b""), None),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_whose_calls_they_are(request_: Call, name: str | None) -> None:
    """Counting is free; other makers' bodies, and other methods, are nobody's: refused."""
    found = find(request_, VERTEX.formats)
    assert (found.name if found else None) == name


def test_facts() -> None:
    """The model is the path's, whether it streams is the body's."""
    facts = read(method="streamRawPredict", stream=True)
    assert (facts.kind, facts.model, facts.stream) == ("metered", MODEL, True)
    assert (facts.output_tokens_cap, facts.hidden_output) == (64, False)
    assert facts.endpoint == "publishers/anthropic/models/*:streamRawPredict"
    assert BOOK.price("google-vertex", MODEL, AT).max_output_tokens == 64_000


def test_prices_are_the_places() -> None:
    """A region costs a tenth more, what is reserved for it as what is booked."""
    price = BOOK.price("google-vertex", MODEL, AT)
    here, there = read(), read(place="us-east5")
    assert (here.service_tier, there.service_tier) == (None, "regional")
    quotes = price.quote(here), price.quote(there)
    assert quotes[1].fixed_nanousd == quotes[0].fixed_nanousd * 11 // 10
    told = {"input_tokens": 100, "output_tokens": 10, "inference_geo": "us"}
    bills = []
    for facts in (read(inference_geo="global"), there):
        meter = VERTEX_CLAUDE.meter(facts, 200, "application/json")
        meter.feed(json.dumps({"usage": {**told, "inference_geo": "global"}}).encode())
        usage = meter.reading().usage
        assert usage is not None
        bills.append(price.bill(usage))
    assert bills == [150_000, 165_000]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"messages": []}, 400),
        ({"anthropic_beta": 7}, 400),
        ({"somethingNew": 1}, 403),
        ({"anthropic_beta": ["context-1m-2025-08-07"]}, 403),
        ({"headers": {"anthropic-beta": "effort-1, context-1m-2025-08-07"}}, 403),
        ({"mcp_servers": [{"type": "url", "url": "https://x"}]}, 403),
    ],
    ids=str,
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """What Anthropic's own format refuses, a model said twice, a window that is not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_a_model_said_twice() -> None:
    """The path says it, so the body must not."""
    document = {**json.loads(call().body), "model": MODEL}
    twice = Call("google-vertex", "POST", call().path, "", {}, json.dumps(document).encode())
    with pytest.raises(Refused) as caught:
        VERTEX_CLAUDE.read(twice)
    assert caught.value.denial.status == 400


def test_a_long_window_that_is_the_usual_one() -> None:
    """Newer models have it without a beta, and are priced for it."""
    beta = "context-1m-2025-08-07"
    facts = read("claude-opus-4-6", anthropic_beta=[beta], headers={"anthropic-beta": beta})
    price = BOOK.price("google-vertex", "claude-opus-4-6", AT)
    assert (price.input_window or 0) > 1_000_000
    assert price.quote(facts).fixed_nanousd > 0


def test_a_cache_for_an_hour_needs_its_price() -> None:
    """The catalogue has it from Claude 4.5 on; before that it is refused."""
    assert read(cache_control=HOUR).unbilled == frozenset()
    with pytest.raises(Refused, match="hour"):
        read("claude-opus-4-1@20250805", cache_control=HOUR)
    read("claude-opus-4-1@20250805", cache_control={"type": "ephemeral"})


def test_searches_and_speed_need_their_prices() -> None:
    """Google's own prices of them are known of few models; without one the call is refused."""
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    for model, priced in (("claude-fable-5-2", True), (MODEL, False)):
        price, facts = BOOK.price("google-vertex", model, AT), read(model, tools=[search])
        if priced:
            assert price.quote(facts, 2).fixed_nanousd > 2 * 10**7
        else:
            with pytest.raises(UnknownUnit):
                price.quote(facts, 2)
        with pytest.raises(UnknownTier):
            price.quote(read(model, speed="fast"))


def test_a_grant_is_written_into_the_body() -> None:
    """Caps are lowered, never raised, and the rest stays as it was."""
    request = call(thinking={"type": "enabled", "budget_tokens": 6000}, max_tokens=8000)
    facts = VERTEX_CLAUDE.read(request)
    sent = json.loads(VERTEX_CLAUDE.patch(request, facts, Grant(5000)))
    assert (sent["max_tokens"], sent["thinking"]["budget_tokens"]) == (5000, 3000)
    assert sent["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in sent
    assert VERTEX_CLAUDE.patch(request, facts, Grant(9000)) is request.body


def test_denials_are_anthropics() -> None:
    """The SDK reads the same error object here, and the same error event."""
    denial = Denial(402, "budget_exceeded", "No.")
    assert json.loads(VERTEX_CLAUDE.refuse(denial).body)["type"] == "error"
    assert VERTEX_CLAUDE.error_event(denial).startswith(b"event: error\n")
