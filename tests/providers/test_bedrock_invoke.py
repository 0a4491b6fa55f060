"""InvokeModel requests: each maker's body is read as what it is, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.bedrock_converse import CACHE_WRITES
from providers.bedrock_invoke import BEDROCK_INVOKE
from providers.price import reserve
from providers.prices import PriceBook
from providers.unquotable import UnknownTier
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import Case, WireFormatContract
from tests.providers.framed import bent_frames

CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.amazon.nova-lite-v1:0"
LLAMA, TITAN = "us.meta.llama3-3-70b-instruct-v1:0", "amazon.titan-text-express-v1"
EMBED = "amazon.titan-embed-text-v2:0"
MISTRAL, MIXTRAL = "mistral.mistral-large-3-675b-instruct", "mistral.mixtral-8x7b-instruct-v0:1"
HELLO = [{"role": "user", "content": "Hello"}]
BODIES: dict[str, dict[str, Any]] = {
    CLAUDE: {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": HELLO},
    NOVA: {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 64},
    },
    LLAMA: {"prompt": "Hello", "max_gen_len": 64},
    TITAN: {"inputText": "Hello", "textGenerationConfig": {"maxTokenCount": 64}},
    EMBED: {"inputText": "Hello"},
    MISTRAL: {"messages": HELLO, "max_tokens": 64},
    MIXTRAL: {"prompt": "Hello", "max_tokens": 64},
}
TELLING = [model for model in BODIES if model != EMBED]


class TestContract(WireFormatContract):
    """InvokeModel keeps the contract."""

    wire_format = BEDROCK_INVOKE
    default = Call("aws", "POST", "", "", {}, b"")

    def bent_answers(self, case: Case) -> Iterator[bytes]:
        if case.settings["path"].endswith("stream"):
            yield from bent_frames(case)
        else:
            yield from super().bent_answers(case)


def call(model: str, headers: dict[str, str] | None = None, /, **fields: Any) -> Call:
    document = {**BODIES.get(model, {}), **fields}
    path = f"/model/{model}/invoke"
    return Call("aws", "POST", path, "", headers or {}, json.dumps(document).encode())


def read(model: str, headers: dict[str, str] | None = None, /, **fields: Any) -> Facts:
    return BEDROCK_INVOKE.read(call(model, headers, **fields))


def patched(model: str, cap: int, **fields: Any) -> dict[str, Any]:
    request = call(model, **fields)
    sent = BEDROCK_INVOKE.patch(request, BEDROCK_INVOKE.read(request), Grant(cap))
    return dict(json.loads(sent))


def test_it_claims_its_two_actions() -> None:
    """Only POST, and only these."""
    paths = [f"/model/m/{action}" for action in ("invoke", "invoke-with-response-stream")]
    assert all(BEDROCK_INVOKE.claims(Call("aws", "POST", path, "", {}, b"")) for path in paths)
    for method, path in (
        ("GET", paths[0]),
        ("POST", "/model/m/converse"),
        ("POST", "/model/m/invoke-with-bidirectional-stream"),
        ("POST", "/async-invoke"),
    ):
        assert not BEDROCK_INVOKE.claims(Call("aws", method, path, "", {}, b""))


@pytest.mark.parametrize("model", TELLING)
def test_what_bodies_say(model: str) -> None:
    """Model, cap and a bound on the input; the price bounds the call."""
    facts = read(model)
    assert (facts.model, facts.output_tokens_cap, facts.stream) == (model, 64, False)
    assert facts.endpoint == "/model/{id}/invoke"
    assert facts.input_tokens_max >= len("Hello")
    assert facts.usage_wanted
    assert reserve(PriceBook().price("aws", model, AT).quote(facts), 64) > 0


def test_an_embedding_has_no_output() -> None:
    """Only its input is billed."""
    facts = read(EMBED)
    assert (facts.has_output, facts.output_tokens_cap) == (False, None)
    assert PriceBook().price("aws", EMBED, AT).quote(facts).output_tokens_cap == 0
    request = call(EMBED)
    assert BEDROCK_INVOKE.patch(request, facts, Grant(0)) is request.body


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (CLAUDE, ("max_tokens",)),
        (NOVA, ("inferenceConfig", "maxTokens")),
        (LLAMA, ("max_gen_len",)),
        (TITAN, ("textGenerationConfig", "maxTokenCount")),
        (MISTRAL, ("max_tokens",)),
        (MIXTRAL, ("max_tokens",)),
    ],
)
def test_where_the_cap_is_written(model: str, place: tuple[str, ...]) -> None:
    """In its place beside the rest, whether there was one or not; never above what was asked."""
    for changes in ({}, {place[0]: None if model != CLAUDE else 64}):
        sent: Any = patched(model, 9, **changes)
        assert {*BODIES[model]} == {*sent}
        for key in place:
            sent = sent[key]
        assert sent == 9
    request = call(model)
    facts = BEDROCK_INVOKE.read(request)
    for cap in (64, 99, None):
        assert BEDROCK_INVOKE.patch(request, facts, Grant(cap)) is request.body


def test_two_caps_of_nova() -> None:
    """Both are lowered, and the larger of them is what was asked."""
    config = {"maxTokens": 50, "max_new_tokens": 70}
    assert read(NOVA, inferenceConfig=config).output_tokens_cap == 70
    lowered = patched(NOVA, 60, inferenceConfig=config)["inferenceConfig"]
    assert lowered == {"maxTokens": 50, "max_new_tokens": 60}


def test_claude_is_read_as_anthropic_has_it() -> None:
    """Thinking, caches and pictures mean what they mean there, and the version stays."""
    thinking = {"type": "enabled", "budget_tokens": 4000}
    facts = read(CLAUDE, max_tokens=8000, thinking=thinking)
    assert (facts.hidden_output, facts.output_tokens_least) == (True, 1025)
    sent = patched(CLAUDE, 5000, max_tokens=8000, thinking=thinking, anthropic_beta=["effort-1"])
    assert sent["thinking"]["budget_tokens"] == 1024
    assert sent["anthropic_version"] == "bedrock-2023-05-31"
    assert sent["anthropic_beta"] == ["effort-1"]
    assert "model" not in sent
    system = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    assert read(CLAUDE, system=system).unbilled == {"cache_write_1h_tokens"}
    assert read(LLAMA).unbilled == CACHE_WRITES


def test_nova_is_read_as_converse_has_it() -> None:
    """Pictures, tools and reasoning mean what they mean there."""
    picture = {"image": {"format": "png", "source": {"bytes": "AA=="}}}
    assert read(NOVA, messages=[{"role": "user", "content": [picture]}]).input_unseen
    reasoning = {"type": "enabled", "maxReasoningEffort": "low"}
    assert read(NOVA, reasoningConfig=reasoning).hidden_output is True
    assert read(NOVA).hidden_output is False


@pytest.mark.parametrize(
    ("model", "headers", "fields"),
    [
        (CLAUDE, {"x-amzn-bedrock-guardrailidentifier": "g"}, {}),
        (CLAUDE, {}, {"anthropic_beta": ["context-1m-2025-08-07"]}),
        (CLAUDE, {}, {"somethingNew": 1}),
        (CLAUDE, {}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        (NOVA, {}, {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}),
        (NOVA, {}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, {}, {"somethingNew": 1}),
        (LLAMA, {}, {"images": ["AA=="]}),
        (TITAN, {}, {"somethingNew": 1}),
        (MISTRAL, {}, {"messages": [{"content": [{"type": "image_url", "image_url": "x"}]}]}),
        ("cohere.command-r-v1:0", {}, {"message": "Hello"}),
        ("amazon.nova-canvas-v1:0", {}, {"taskType": "TEXT_IMAGE"}),
        ("stability.sd3-large-v1:0", {}, {"prompt": "x"}),
        ("deepseek.r1-v1:0", {}, {"prompt": "x"}),
    ],
)
def test_what_is_not_metered(model: str, headers: dict[str, str], fields: dict[str, Any]) -> None:
    """Guardrails, unknown bodies and keys, and tools that the provider runs are refused."""
    with pytest.raises(Refused) as refused:
        read(model, headers, **fields)
    assert refused.value.denial.status in (400, 403)
    if "nova-canvas" not in model:
        assert refused.value.denial.code == "not_metered"


@pytest.mark.parametrize(
    ("headers", "tier"),
    [
        ({"x-amzn-bedrock-service-tier": "priority"}, "priority"),
        ({"x-amzn-bedrock-performanceconfig-latency": "optimized"}, "optimized"),
        ({"x-amzn-bedrock-service-tier": "flex, priority"}, "flex, priority"),
        ({"x-amzn-bedrock-service-tier": "flex"}, None),
        ({}, None),
    ],
)
def test_tiers(headers: dict[str, str], tier: str | None) -> None:
    """They stand in headers here; a dearer one needs a price of its own."""
    facts = read(LLAMA, headers)
    assert (facts.service_tier, facts.premium_tier) == (tier, tier is not None)
    if tier is not None:
        with pytest.raises(UnknownTier):
            PriceBook().price("aws", LLAMA, AT).quote(facts)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"model": "claude-haiku-4-5"}),
        (CLAUDE, {"stream": True}),
        (CLAUDE, {"messages": []}),
        (LLAMA, {"max_gen_len": "9"}),
        (TITAN, {"textGenerationConfig": []}),
        (NOVA, {"inferenceConfig": {"maxTokens": 0}}),
        (MISTRAL, {"messages": "x"}),
        (MISTRAL, {"messages": ["x"]}),
    ],
)
def test_malformed_requests_are_a_400(model: str, fields: dict[str, Any]) -> None:
    """What the model would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as refused:
        read(model, **fields)
    assert refused.value.denial.status == 400
