"""Options of a Converse request that change its price, or what is done beside the answer.

Owns: all top-level keys: harmless, judged, or refused. Refuses to know: prices, messages.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

A guardrail is billed by the text that it looks at, which no unit of the price catalogue covers; a
prompt of Prompt management holds text that is not in the request; a tool that AWS runs (web
grounding, code) has fees of its own: all three are refused. A faster tier costs more than the
catalogue says, a slower or a reserved one never does. Fields for the model itself pass only if
they are known here, for they could lift the cap or call for more than tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from providers import jsonbody
from providers.claude_models import LONGER_WINDOW

_HARMLESS = frozenset(
    (
        *("messages", "system", "inferenceConfig", "toolConfig", "requestMetadata"),
        *("additionalModelResponseFieldPaths", "projectIdentifier", "outputConfig"),
    )
)
_JUDGED = frozenset(("performanceConfig", "serviceTier", "additionalModelRequestFields"))
_REFUSED = {
    "guardrailConfig": "A guardrail (`guardrailConfig`)",
    "promptVariables": "A prompt of Prompt management (`promptVariables`)",
}
_TIERS = ("default", "flex", "reserved")
# Of the models' own parameters: how words are chosen, and how long the model thinks.
_FIELDS = frozenset(
    (
        *("top_k", "topK", "k", "p", "top_p", "temperature", "seed", "random_seed", "safe_prompt"),
        *("stop", "stop_sequences", "frequency_penalty", "presence_penalty"),
        *("reasoning_effort", "output_config"),
    )
)
_THINKING = ("thinking", "reasoning_config", "reasoningConfig")
# A beta by itself changes no price: what it opens is asked for with keys, which are judged here as
# all others. But a longer window is dearer than the catalogue says of these models.


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of one request say.

    dear_tier:   a tier that costs more than the standard one; None where it is not one.
    thinks:      the request asks for thinking (True), forbids it (False), or does not say (None).
    thinking_tokens: the budget for thinking, which a cap must exceed; 0 where there is none.
    """

    dear_tier: str | None = None
    thinks: bool | None = None
    thinking_tokens: int = 0


def read_options(document: dict[str, Any]) -> Options:
    """The options. Raises Refused: 400 for a malformed one, 403 for one that is not bounded."""
    for key in document.keys() - _HARMLESS - _JUDGED:
        if document[key] is not None:
            shown = (
                key if key.isascii() and key.isprintable() and len(key) <= 64 else "that was sent"
            )
            raise jsonbody.not_metered(_REFUSED.get(key, f"The option `{shown}`"))
    latency = jsonbody.optional_object(document, "performanceConfig").get("latency")
    tier = jsonbody.optional_object(document, "serviceTier").get("type")
    thinks, budget = _read_fields(
        jsonbody.optional_object(document, "additionalModelRequestFields")
    )
    return Options(dear_tier(latency, tier), thinks, budget)


def dear_tier(latency: Any, tier: Any) -> str | None:
    """The name of a tier that costs more than the standard one. Unknown ones count as such."""
    if latency not in (None, "standard"):
        return str(latency)[:32]
    return None if tier is None or tier in _TIERS else str(tier)[:32]


def _read_fields(fields: dict[str, Any]) -> tuple[bool | None, int]:
    thinks: bool | None = None
    budget = 0
    for key, value in fields.items():
        if key in _THINKING:
            thinks, budget = _thinking(value)
        elif key == "inferenceConfig":
            if not isinstance(value, dict) or value.keys() - {"topK"}:
                raise jsonbody.not_metered("This `inferenceConfig` of the model's own")
        elif key == "anthropic_beta":
            refuse_betas(value)
        elif key not in _FIELDS:
            raise jsonbody.not_metered("This field of `additionalModelRequestFields`")
    return thinks, budget


def refuse_betas(value: Any) -> None:
    """Raises Refused for a beta of Claude's that makes its window longer than the price is for."""
    named = value if isinstance(value, list) else [value]
    if any(not isinstance(beta, str) or LONGER_WINDOW.match(beta) for beta in named):
        raise jsonbody.not_metered("This beta (`anthropic_beta`)")


def _thinking(value: Any) -> tuple[bool, int]:
    """Whether it is asked for, and its budget in tokens."""
    if not isinstance(value, dict):
        raise jsonbody.bad_request("The configuration of thinking must be an object.")
    if value.get("maxReasoningEffort") == "high":
        # https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
        raise jsonbody.not_metered("Reasoning without an output cap (`maxReasoningEffort` high)")
    budget = jsonbody.optional_count(value, "budget_tokens") or 0
    return value.get("type") != "disabled", budget
