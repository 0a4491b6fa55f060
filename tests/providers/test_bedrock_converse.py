"""Converse requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.bedrock_converse import BEDROCK_CONVERSE, CACHE_WRITES, hides_output
from providers.price import reserve
from providers.prices import PriceBook, UnknownPrice
from providers.unquotable import UnknownTier, UnknownWindow
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import Case, WireFormatContract
from tests.providers.framed import bent_frames

NOVA, CLAUDE = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]
PNG = {"image": {"format": "png", "source": {"bytes": "A" * 100_000}}}
TOOL = {"toolSpec": {"name": "n", "description": "d", "inputSchema": {"json": {}}}}
POINT = {"cachePoint": {"type": "default"}}


class TestContract(WireFormatContract):
    """Converse keeps the contract."""

    wire_format = BEDROCK_CONVERSE
    default = Call("aws", "POST", "", "", {}, b"")

    def bent_answers(self, case: Case) -> Iterator[bytes]:
        if case.folder.name.startswith("stream"):
            yield from bent_frames(case)
        else:
            yield from super().bent_answers(case)


def call(model: str = NOVA, action: str = "converse", host: str = "", **fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    document = {"messages": HELLO, "inferenceConfig": {"maxTokens": 64}, **fields}
    path = f"/model/{model}/{action}"
    return Call("aws", "POST", path, "", {}, json.dumps(document).encode(), host=host)


def read(model: str = NOVA, **fields: Any) -> Facts:
    return BEDROCK_CONVERSE.read(call(model, **fields))


def patched(grant: Grant, **fields: Any) -> dict[str, Any]:
    request = call(**fields)
    sent = BEDROCK_CONVERSE.patch(request, BEDROCK_CONVERSE.read(request), grant)
    return dict(json.loads(sent))


def test_it_claims_its_two_actions() -> None:
    """Only POST, and only these."""
    for action in ("converse", "converse-stream"):
        assert BEDROCK_CONVERSE.claims(call(action=action))
    for action in ("invoke", "count-tokens", "converse/"):
        assert not BEDROCK_CONVERSE.claims(call(action=action))
    assert not BEDROCK_CONVERSE.claims(Call("aws", "GET", f"/model/{NOVA}/converse", "", {}, b""))


def test_facts_name_what_the_price_depends_on() -> None:
    """Model, stream, cap and endpoint are read; nothing is to be hidden from a stream."""
    facts = BEDROCK_CONVERSE.read(call(action="converse-stream"))
    assert (facts.kind, facts.model, facts.stream) == ("metered", NOVA, True)
    assert (facts.endpoint, facts.output_tokens_cap) == ("/model/{id}/converse-stream", 64)
    assert (facts.usage_wanted, facts.choices) == (True, 1)
    assert read(inferenceConfig={}).output_tokens_cap is None


def test_pictures() -> None:
    """Claude's are counted as Claude counts them; for others the window is the bound."""
    messages = [{"role": "user", "content": [PNG]}]
    claude, nova = read(CLAUDE, messages=messages), read(messages=messages)
    assert claude.input_tokens_max < 10_000
    assert not claude.input_unseen
    assert nova.input_unseen
    price = PriceBook().price("aws", NOVA, AT)
    assert price.quote(nova).input_tokens > 300_000


def test_documents_need_a_window() -> None:
    """Without one the call is refused; with it, the whole window is reserved."""
    document = {"document": {"format": "pdf", "name": "d", "source": {"bytes": "AA=="}}}
    messages = [{"role": "user", "content": [document]}]
    sonic = PriceBook().price("aws", "amazon.titan-text-lite-v1", AT)
    with pytest.raises(UnknownWindow):
        sonic.quote(read("amazon.titan-text-lite-v1", messages=messages))


@pytest.mark.parametrize(
    ("changes", "unbilled"),
    [
        ({}, CACHE_WRITES),
        ({"system": [{"text": "x"}, POINT]}, {"cache_write_1h_tokens"}),
        ({"toolConfig": {"tools": [TOOL, POINT]}}, {"cache_write_1h_tokens"}),
        ({"system": [{"cachePoint": {"type": "default", "ttl": "1h"}}]}, frozenset()),
        ({"model": "global.moonshotai.kimi-k3"}, frozenset()),
    ],
)
def test_cache_writes(changes: dict[str, Any], unbilled: frozenset[str]) -> None:
    """None without a cache point where the model needs one; for an hour only where it says so."""
    assert read(**changes).unbilled == unbilled


def test_tiers_and_regions() -> None:
    """A faster tier has no price and is refused; a dearer region has a surcharge."""
    book = PriceBook()
    for changes in (
        {"serviceTier": {"type": "priority"}},
        {"performanceConfig": {"latency": "optimized"}},
    ):
        facts = read(**changes)
        assert facts.premium_tier
        with pytest.raises(UnknownTier):
            book.price("aws", NOVA, AT).quote(facts)
    host = "bedrock-runtime.eu-west-2.amazonaws.com"
    here, there = (BEDROCK_CONVERSE.read(call(host=h)) for h in ("127.0.0.1", host))
    assert (here.service_tier, there.service_tier) == (None, "region x1.6")
    price = book.price("aws", NOVA, AT)
    assert reserve(price.quote(there), 64) == pytest.approx(
        reserve(price.quote(here), 64) * 1.6, abs=3
    )


@pytest.mark.parametrize(
    ("model", "thinks", "hidden"),
    [
        (NOVA, None, False),
        (NOVA, True, True),
        (CLAUDE, None, False),
        (CLAUDE, True, True),
        ("global.anthropic.claude-opus-5", None, True),
        ("global.anthropic.claude-opus-5", False, False),
        ("meta.llama3-3-70b-instruct-v1:0", None, False),
        ("mistral.mistral-large-3-675b-instruct", None, False),
        ("mistral.magistral-small-2509", None, None),
        ("deepseek.r1-v1:0", None, None),
        (GPT_OSS, None, None),
    ],
)
def test_hidden_output(model: str, thinks: bool | None, hidden: bool | None) -> None:
    """Thinking hides what is billed; where nothing is known of a model, the limits decide."""
    assert hides_output(model, thinks) is hidden


def test_a_cap_leaves_room_for_thinking() -> None:
    """A cap below the budget for thinking would be refused by the model."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert read(CLAUDE, additionalModelRequestFields=thinking).output_tokens_least == 2001


def test_what_is_written() -> None:
    """The cap, beside what is there; never above what was asked; else the client's own bytes."""
    assert patched(Grant(9))["inferenceConfig"] == {"maxTokens": 9}
    config = {"temperature": 0.5}
    assert patched(Grant(9), inferenceConfig=config)["inferenceConfig"] == {
        **config,
        "maxTokens": 9,
    }
    assert patched(Grant(9), inferenceConfig=None)["inferenceConfig"] == {"maxTokens": 9}
    request = call()
    facts = BEDROCK_CONVERSE.read(request)
    for grant in (Grant(), Grant(64), Grant(99)):
        assert BEDROCK_CONVERSE.patch(request, facts, grant) is request.body


@pytest.mark.parametrize(
    "changes",
    [
        {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
        {"toolConfig": {"tools": [{"toolSpec": {}, "somethingNew": {}}]}},
        {"model": "arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fx"},
        {"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}},
    ],
)
def test_what_is_not_metered(changes: dict[str, Any]) -> None:
    """Tools that AWS runs, guardrails and models without a name are refused."""
    with pytest.raises(Refused) as refused:
        read(**changes)
    assert (refused.value.denial.status, refused.value.denial.code) == (403, "not_metered")


@pytest.mark.parametrize(
    "fields",
    [
        {"inferenceConfig": {"maxTokens": 0}},
        {"inferenceConfig": {"maxTokens": "9"}},
        {"inferenceConfig": []},
        {"toolConfig": {"tools": ["x"]}},
        {"toolConfig": {"tools": {}}},
    ],
    ids=json.dumps,
)
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What the API would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


def test_a_model_without_a_price() -> None:
    """It is for the caller to refuse: the catalogue knows no such model."""
    with pytest.raises(UnknownPrice):
        PriceBook().price("aws", "amazon.something-new-v1:0", AT)
