"""Options: which change nothing, which change the price, and which are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.anthropic_options import Options, read_options, refuse_longer_window
from providers.wire import Refused

PLAIN = Options(tier="us", premium=False, continues=False, compacts_at=None)


def test_harmless_options_pass() -> None:
    """What changes words and not prices is not even looked at."""
    keys = ["model", "messages", "system", "max_tokens", "stream", "stop_sequences", "metadata"]
    keys += ["temperature", "top_p", "top_k", "tools", "tool_choice", "thinking"]
    keys += ["output_config", "output_format", "cache_control", "diagnostics"]
    assert read_options(dict.fromkeys([*keys, "fallback_credit_token"], "x")) == PLAIN
    judged = ["speed", "inference_geo", "container", "context_management", "compaction", "thread"]
    judged += ["mcp_servers", "billing_policy", "fallbacks", "service_tier"]
    assert read_options(dict.fromkeys(judged)) == PLAIN
    for tier in ("auto", "standard_only"):
        assert read_options({"service_tier": tier}) == PLAIN


@pytest.mark.parametrize(
    ("fields", "tier", "premium"),
    [
        ({}, "us", False),
        ({"inference_geo": "us"}, "us", False),
        ({"inference_geo": "global"}, None, False),
        ({"speed": "standard", "inference_geo": "global"}, None, False),
        ({"speed": "fast"}, "fast us", True),
        ({"speed": "fast", "inference_geo": "global"}, "fast", True),
    ],
)
def test_the_tier_is_speed_and_region(
    fields: dict[str, Any], tier: str | None, premium: bool
) -> None:
    """A region that is not named may be the dearer one, by the workspace's default."""
    found = read_options(fields)
    assert (found.tier, found.premium) == (tier, premium)


@pytest.mark.parametrize(
    "fields",
    [
        {"some_new_option": True},
        {"x" * 500: 1},
        {"speed": "ludicrous"},
        {"inference_geo": "mars"},
        {"service_tier": "turbo"},
        {"fallbacks": "default"},
        {"fallbacks": [{"model": "claude-opus-5"}]},
        {"mcp_servers": [{"type": "url", "url": "https://x"}]},
        {"billing_policy": {"type": "billing_policy", "bill_to": "user_profile"}},
        {"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}},
        {"context_management": {"edits": [{"type": "some_new_edit"}]}},
    ],
    ids=lambda fields: json.dumps(fields)[:40],
)
def test_what_cannot_be_bounded_is_a_403(fields: dict[str, Any]) -> None:
    """Other prices, other payers, other servers, and options that are not known."""
    with pytest.raises(Refused) as caught:
        read_options(fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")
    assert len(caught.value.denial.message) < 200


@pytest.mark.parametrize(
    "fields",
    [
        {"speed": 3},
        {"inference_geo": []},
        {"thread": "create"},
        {"mcp_servers": {}},
        {"billing_policy": "self"},
        {"container": 7},
        {"context_management": []},
        {"context_management": {"edits": {}}},
        {"context_management": {"edits": ["clear"]}},
    ],
    ids=json.dumps,
)
def test_malformed_options_are_a_400(fields: dict[str, Any]) -> None:
    """What the API would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read_options(fields)
    assert caught.value.denial.status == 400


def test_what_is_harmless_of_the_judged() -> None:
    """A container to use again, no servers, one's own bill, and a thread that only begins."""
    fields = {
        "container": "container_1",
        "mcp_servers": [],
        "billing_policy": {"type": "billing_policy", "bill_to": "self"},
        "thread": {"type": "create"},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    }
    assert read_options(fields) == PLAIN
    assert read_options({"container": {"id": "container_1", "skills": None}}) == PLAIN
    assert read_options({"thread": {"type": "continue", "previous_message_id": "m"}}).continues


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"compaction": {"type": "summarize"}}, 0),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, 150_000),
        (
            {
                "context_management": {
                    "edits": [
                        {"type": "clear_thinking_20251015", "keep": "all"},
                        {
                            "type": "compact_20260112",
                            "trigger": {"type": "input_tokens", "value": 60_000},
                        },
                    ]
                }
            },
            60_000,
        ),
        ({"context_management": {"edits": [{"type": "compact_20260112", "trigger": "x"}]}}, 0),
    ],
)
def test_when_a_summary_may_be_written(fields: dict[str, Any], expected: int) -> None:
    """At once where that is asked for, else from the trigger on; an odd trigger is none."""
    assert read_options(fields).compacts_at == expected


@pytest.mark.parametrize("betas", ["context-1m-2025-08-07", "x, context-2m", ["context-1m-x"], 7])
def test_a_window_that_is_not_known_is_refused(betas: Any) -> None:
    """Where a beta makes it longer than the one that bounds a reserve; newer models need none."""
    with pytest.raises(Refused) as caught:
        refuse_longer_window("claude-sonnet-4-5", betas)
    assert caught.value.denial.status == (400 if betas == 7 else 403)
    refuse_longer_window("claude-sonnet-4-6", betas)
    for harmless in (None, "effort-1,x", ["effort-1"]):
        refuse_longer_window("claude-sonnet-4-5", harmless)
