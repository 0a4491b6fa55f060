"""Reads `usageMetadata` of the Gemini API, and what is billed beside it.

Owns: the table, and what makes such an object unusable. Refuses to know: prices, streams.

Of the object's parts only what has a price of its own is taken: sound, pictures (pages of documents
count as such) and video; the rest is text. Tokens of the provider's own tools are input; thoughts
are output, and so is what the total holds beyond all parts, for some answers name their thoughts
nowhere else. Fields that are zero are left out of an answer, so only the prompt must be there, and
one count that says what came out of it.
"""

from __future__ import annotations

import re
from typing import Any

from providers.fields import Row, extract, whole_number

# https://ai.google.dev/api/generate-content#UsageMetadata
COUNTS = (
    Row("input_tokens", ("promptTokenCount",), required=True),
    Row("input_tokens", ("toolUsePromptTokenCount",)),
    Row("input_tool_tokens", ("toolUsePromptTokenCount",), part_of="input_tokens"),
    Row("cache_read_tokens", ("cachedContentTokenCount",), part_of="input_tokens"),
    Row("output_tokens", ("candidatesTokenCount",)),
    Row("output_tokens", ("thoughtsTokenCount",)),
    Row("output_tokens", ("unnamed",)),
    Row("output_reasoning_tokens", ("thoughtsTokenCount",), part_of="output_tokens"),
)
_MODALITIES = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}
_DETAILS = (
    ("promptTokensDetails", "input_{}_tokens", "input_tokens"),
    ("toolUsePromptTokensDetails", "input_{}_tokens", "input_tokens"),
    ("cacheTokensDetails", "cache_{}_read_tokens", "cache_read_tokens"),
    ("candidatesTokensDetails", "output_{}_tokens", "output_tokens"),
)
USAGE = COUNTS + tuple(
    Row(dest.format(part), (details, modality), part_of=whole)
    for details, dest, whole in _DETAILS
    for modality, part in _MODALITIES.items()
)
_NUMBERS = (
    *("promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount"),
    *("candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"),
)

# https://ai.google.dev/gemini-api/docs/google-search#pricing: models up to Gemini 2.5 bill once for
# a prompt that was searched for, later ones for each query that is not empty and not a repetition.
_BILLED_BY_PROMPT = re.compile(r"gemini-([12]\.|(pro|flash)-1\.5|pro$)")

# https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse
# https://ai.google.dev/api/generate-content#UsageMetadata (the Gemini API's `serviceTier`)
_TIERS = {
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    **dict.fromkeys(("ON_DEMAND", "PROVISIONED_THROUGHPUT", "TRAFFIC_TYPE_UNSPECIFIED")),
    **dict.fromkeys(("STANDARD", "UNSPECIFIED", "")),
}


def counts(usage: object) -> dict[str, int] | None:
    """Counts by the catalogue's units, or None if `usage` is unusable. Never raises."""
    if not isinstance(usage, dict):
        return None
    numbers = {name: usage[name] for name in _NUMBERS if usage.get(name) is not None}
    if any(whole_number(value) is None for value in numbers.values()):
        return None
    if not numbers.keys() & {"candidatesTokenCount", "totalTokenCount"}:
        return None
    by_modality = {name: _by_modality(usage.get(name)) for name, _, _ in _DETAILS}
    if None in by_modality.values():
        return None
    return extract(USAGE, {**usage, **by_modality, "unnamed": _unnamed(numbers)})


def known_input(usage: object) -> dict[str, int] | None:
    """The counts of the input alone, for an answer whose output is still open."""
    if not isinstance(usage, dict) or whole_number(usage.get("promptTokenCount")) is None:
        return None
    found = counts({**usage, "totalTokenCount": None, "candidatesTokenCount": 0})
    if found is None:
        return None
    return {key: n for key, n in found.items() if not key.startswith("output_")}


def service_tier(usage: object) -> str | None:
    """The tier that served the call, where it was none of the standard ones."""
    for key in ("trafficType", "serviceTier"):
        told = usage.get(key) if isinstance(usage, dict) else None
        if isinstance(told, str):
            name = told.upper().removeprefix("SERVICE_TIER_")
            return _TIERS.get(name, name.lower())
    return None


def searches(model: str, queries: set[str]) -> int:
    """How many web searches are billed for the queries of one answer."""
    if _BILLED_BY_PROMPT.match(model):
        return min(1, len(queries))
    return len(queries)


def _unnamed(numbers: dict[str, Any]) -> int:
    """Tokens of the total that none of the other counts holds."""
    total = numbers.pop("totalTokenCount", 0)
    parts = sum(n for name, n in numbers.items() if name != "cachedContentTokenCount")
    return max(0, int(total) - int(parts))


def _by_modality(details: object) -> dict[str, int] | None:
    """Tokens by modality, summed; None where one of them is no count."""
    found: dict[str, int] = {}
    for item in details if isinstance(details, list) else ():
        modality = item.get("modality") if isinstance(item, dict) else None
        if not isinstance(modality, str) or item.get("tokenCount") is None:
            continue
        tokens = whole_number(item["tokenCount"])
        if tokens is None:
            return None
        found[modality] = found.get(modality, 0) + tokens
    return found
