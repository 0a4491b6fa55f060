"""Options that cost are refused or named; what only changes words passes."""

from __future__ import annotations

from typing import Any

import pytest

from providers.bedrock_options import Options, dear_tier, read_options
from providers.wire import Refused


def fields(**given: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": given}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"requestMetadata": {"a": "b"}, "projectIdentifier": "p", "outputConfig": {}},
        {"guardrailConfig": None, "promptVariables": None},
        {"performanceConfig": {"latency": "standard"}, "serviceTier": {"type": "default"}},
        {"serviceTier": {"type": "flex"}},
        {"serviceTier": {"type": "reserved"}},
        fields(top_k=5, inferenceConfig={"topK": 5}, seed=1),
        fields(anthropic_beta=["interleaved-thinking-2025-05-14"]),
    ],
)
def test_harmless_options(document: dict[str, Any]) -> None:
    """They say nothing about the price, or that it is no higher than the standard one."""
    assert read_options(document) == Options()


@pytest.mark.parametrize(
    ("document", "tier"),
    [
        ({"performanceConfig": {"latency": "optimized"}}, "optimized"),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"serviceTier": {"type": 7}}, "7"),
    ],
)
def test_dear_tiers(document: dict[str, Any], tier: str) -> None:
    """A tier that is dearer, or not known, is named, so that it needs a price of its own."""
    assert read_options(document).dear_tier == tier
    assert dear_tier(None, "x" * 99) == "x" * 32


@pytest.mark.parametrize(
    ("given", "thinks", "tokens"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, True, 2000),
        ({"thinking": {"type": "adaptive"}}, True, 0),
        ({"thinking": {"type": "disabled"}}, False, 0),
        ({"reasoning_config": {"type": "enabled", "budget_tokens": 1024}}, True, 1024),
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, True, 0),
    ],
)
def test_thinking(given: dict[str, Any], thinks: bool, tokens: int) -> None:
    """Whether it is asked for, and the budget that a cap must exceed."""
    assert read_options(fields(**given)) == Options(None, thinks, tokens)


@pytest.mark.parametrize(
    "document",
    [
        {"guardrailConfig": {"guardrailIdentifier": "g"}},
        {"promptVariables": {"a": {"text": "b"}}},
        {"somethingNew": 1},
        {"x" * 99: 1},
        fields(tools=[{"type": "web_search_20250305"}]),
        fields(max_tokens=9),
        fields(inferenceConfig={"maxTokens": 9}),
        fields(inferenceConfig=[]),
        fields(anthropic_beta=["context-1m-2025-08-07"]),
        fields(anthropic_beta="context-1m-2025-08-07"),
        fields(anthropic_beta=[7]),
        fields(reasoningConfig={"type": "enabled", "maxReasoningEffort": "high"}),
    ],
)
def test_refused_options(document: dict[str, Any]) -> None:
    """What is billed by other units, lifts the cap or is not known does not pass."""
    with pytest.raises(Refused) as refused:
        read_options(document)
    assert (refused.value.denial.status, refused.value.denial.code) == (403, "not_metered")
    assert "x" * 65 not in refused.value.denial.message


@pytest.mark.parametrize(
    "document",
    [
        {"performanceConfig": 7},
        {"serviceTier": "flex"},
        fields(thinking=True),
        fields(thinking={"type": "enabled", "budget_tokens": "x"}),
        {"additionalModelRequestFields": []},
    ],
)
def test_malformed_options_are_a_400(document: dict[str, Any]) -> None:
    """They are refused as what they are."""
    with pytest.raises(Refused) as refused:
        read_options(document)
    assert refused.value.denial.status == 400
