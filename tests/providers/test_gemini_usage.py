"""Reading usageMetadata: present, absent, contradictory, and by modality."""

from __future__ import annotations

from typing import Any

import pytest
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from providers.gemini_usage import counts, known_input, searches, service_tier


def usage(**fields: Any) -> dict[str, Any]:
    """A usage object as the API gives it, changed by the fields given."""
    return {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13, **fields}


def detail(modality: str, tokens: object) -> dict[str, object]:
    """One line of a list by modality."""
    return {"modality": modality, "tokenCount": tokens}


FULL = usage(
    promptTokenCount=300,
    cachedContentTokenCount=200,
    toolUsePromptTokenCount=50,
    candidatesTokenCount=20,
    thoughtsTokenCount=30,
    totalTokenCount=400,
    promptTokensDetails=[detail("TEXT", 100), detail("AUDIO", 150), detail("DOCUMENT", 50)],
    cacheTokensDetails=[detail("AUDIO", 150), detail("TEXT", 50)],
    toolUsePromptTokensDetails=[detail("TEXT", 50)],
    candidatesTokensDetails=[detail("TEXT", 20)],
)


def test_every_part_is_counted_once() -> None:
    """Tools are input, thoughts are output, and pages of documents are pictures."""
    assert counts(FULL) == {
        "input_tokens": 350,
        "input_tool_tokens": 50,
        "cache_read_tokens": 200,
        "input_audio_tokens": 150,
        "input_image_tokens": 50,
        "cache_audio_read_tokens": 150,
        "output_tokens": 50,
        "output_reasoning_tokens": 30,
    }


def test_the_catalogues_own_reading_agrees() -> None:
    """genai-prices reads the same object to the same counts, but for those of text."""
    google = find_provider_by_id(get_snapshot().providers, "google")
    assert google is not None
    _, told = google.extract_usage({"usageMetadata": FULL, "modelVersion": "m"})
    theirs = {name: n for name, n in vars(told).items() if n and "text" not in name}
    assert {name: n for name, n in (counts(FULL) or {}).items() if n} == theirs


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "x",
        {},
        {"promptTokenCount": 9},
        usage(promptTokenCount=None),
        usage(promptTokenCount=-9),
        usage(candidatesTokenCount="4"),
        usage(candidatesTokenCount=-1),
        usage(thoughtsTokenCount=1.5),
        usage(totalTokenCount=10**13),
        usage(cachedContentTokenCount=10),
        usage(promptTokensDetails=[detail("AUDIO", 10)]),
        usage(promptTokensDetails=[detail("AUDIO", 9), detail("AUDIO", 9)]),
        usage(promptTokensDetails=[detail("AUDIO", "9")]),
    ],
)
def test_what_contradicts_itself_counts_as_not_said(told: object) -> None:
    """A wrong count is never taken for nothing: the caller books its bound."""
    assert counts(told) is None


def test_zeros_are_left_out_of_an_answer() -> None:
    """A blocked prompt or an answer of thoughts alone is still a usage."""
    assert counts({"promptTokenCount": 4, "totalTokenCount": 4}) == {
        "input_tokens": 4,
        "output_tokens": 0,
    }
    only_thoughts = {"promptTokenCount": 4, "thoughtsTokenCount": 6, "totalTokenCount": 10}
    assert (counts(only_thoughts) or {})["output_tokens"] == 6


def test_what_only_the_total_holds_is_output() -> None:
    """Thoughts that no other field names are billed; a total too small is not heeded."""
    assert (counts(usage(totalTokenCount=100)) or {})["output_tokens"] == 91
    assert (counts(usage(totalTokenCount=1)) or {})["output_tokens"] == 4


def test_odd_details_without_a_modality_are_nothing() -> None:
    """Lists by modality only name parts; what names none changes nothing."""
    odd = usage(promptTokensDetails=[None, {}, detail("TEXT", 9), {"modality": "AUDIO"}])
    assert counts(odd) == {"input_tokens": 9, "output_tokens": 4}


def test_the_input_is_known_before_the_output() -> None:
    """From the first chunk on, whatever it says of the output."""
    assert known_input(usage()) == {"input_tokens": 9}
    assert known_input({"promptTokenCount": 9, "thoughtsTokenCount": 99}) == {"input_tokens": 9}
    for told in (None, {}, usage(promptTokenCount="9"), usage(cachedContentTokenCount=10)):
        assert known_input(told) is None


@pytest.mark.parametrize(
    ("model", "billed"),
    [
        *(("gemini-2.5-flash", 1), ("gemini-2.0-flash-001", 1), ("gemini-pro", 1)),
        *(("gemini-3.8-flash", 3), ("gemini-flash-latest", 3), ("gemini-4-argon", 3), ("", 3)),
    ],
)
def test_searches_are_billed_by_prompt_or_by_query(model: str, billed: int) -> None:
    """Until Gemini 2.5 once for a prompt, since then for each query."""
    assert searches(model, {"a", "b", "c"}) == billed
    assert searches(model, set()) == 0


def test_the_tier_is_the_one_that_served() -> None:
    """Vertex AI says which; ordinary traffic is the standard tier."""
    assert service_tier(usage(trafficType="ON_DEMAND_FLEX")) == "flex"
    assert service_tier(usage(trafficType="ON_DEMAND_PRIORITY")) == "priority"
    assert service_tier(usage(serviceTier="flex")) == "flex"
    assert service_tier(usage(trafficType="ON_DEMAND_TURBO")) == "on_demand_turbo"
    standard = usage(serviceTier="standard")
    for told in (usage(trafficType="ON_DEMAND"), usage(trafficType=[]), standard, usage(), None):
        assert service_tier(told) is None
