"""Gemini `generateContent` and `streamGenerateContent`, at the Gemini API and at Vertex AI.

Owns: what such a request may cost, and the cap that AEX writes into it.
Refuses to know: prices, budgets. The answer is counted in gemini_meter.py.
Request: https://ai.google.dev/api/generate-content#request-body
Vertex:  https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference

Fails closed: fields, parts, tools and options that are not known here are refused as `not_metered`,
because the API refuses what it does not know itself, so that an unknown field is one that it
learned since. Both spellings of each field are read (protojson.py).

The cap. `maxOutputTokens` is per candidate and holds thoughts too: the API's guide to Gemini 4 says
so (https://ai.google.dev/gemini-api/docs/generate-content/latest-model), and answers of older
models, which end for MAX_TOKENS, have thoughts and text together just below it
(googleapis/python-genai issues 782 and 2062). Whether it holds for pictures and sound is not said,
so those outputs are refused, and so are models that give them unasked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from providers import gemini_errors, gemini_tools, jsonbody
from providers.gemini_input import ALL_MODALITIES, Prompt
from providers.gemini_meter import ArrayMeter, EventMeter, Tally, whole_answer
from providers.gemini_route import Route, parse
from providers.media_type import media_type
from providers.protojson import Message, fields
from providers.repriced import at_tier
from providers.rewriting import written
from providers.uses import UNKNOWN, Uses, known
from providers.vertex_regions import REGIONAL, surcharge
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

MAX_CHOICES = 64
ONCE, STREAM = "generateContent", "streamGenerateContent"

_REQUEST = fields(
    *("model", "contents", "systemInstruction", "tools", "toolConfig", "safetySettings"),
    *("generationConfig", "cachedContent", "labels", "serviceTier", "store", "continuationToken"),
)
_CONFIG = fields(
    *("candidateCount", "stopSequences", "maxOutputTokens", "temperature", "topP", "topK", "seed"),
    *("responseMimeType", "responseSchema", "responseJsonSchema"),
    *("presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs"),
    *("enableEnhancedCivicAnswers", "responseModalities", "thinkingConfig", "mediaResolution"),
    *("speechConfig", "audioTimestamp"),
)
_TEXT_MODALITIES = ("TEXT", "MODALITY_UNSPECIFIED", "0", "1")
_OTHER_OUTPUT = re.compile(
    r"(^|[-.])(image|imagen|banana|omni|tts|audio|live|dialog|veo|lyria|music|streaming)([-.]|$)"
)
# Any other name may be of a model whose price for some kind of output is dearer than for text.
_TEXT_FAMILY = re.compile(r"gemini-(\d+(\.\d+)?-)?(pro|flash|argon|carbon)(?=-|$)")
# https://ai.google.dev/gemini-api/docs/priority-inference costs more than the catalogue knows;
# flex costs less, and is billed at the standard price where the catalogue has no price for it.
_TIERS = {"UNSPECIFIED": None, "STANDARD": None, "FLEX": "flex"}
_TIER_HEADER = "x-vertex-ai-llm-shared-request-type"


class Gemini:
    """The wire format; stateless. One instance for each shape of answer.

    as_array: a stream that is one JSON array, which is what the API sends without `alt=sse`.
    """

    def __init__(self, name: str, as_array: bool) -> None:
        self.name = name
        self.as_array = as_array

    def claims(self, call: Call) -> bool:
        """POST to one of the two methods, of a model at any of its addresses."""
        route = parse(call)
        if route is None or route.method not in (ONCE, STREAM):
            return False
        return self.as_array == (route.method == STREAM and alt(call) != "sse")

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed one, 403 for unmetered."""
        route = parse(call)
        if route is None:
            raise LookupError(f"{call.path} is not a method of a model")
        return facts_of(call, route, jsonbody.parse_object(call.body))

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        document = capped(facts.document, facts, grant)
        return call.body if document is None else written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the shape that the answer says it has. Errors are always JSON."""
        dear = facts.service_tier if facts.service_tier == REGIONAL else None
        return at_tier(meter_of(facts, status, content_type, as_array=self.as_array), dear)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Google's error object."""
        return gemini_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as the last event, or the last element, of a stream."""
        if self.as_array:
            return gemini_errors.error_element(denial)
        return gemini_errors.error_event(denial)


GEMINI_GENERATE = Gemini("gemini_generate", as_array=False)
GEMINI_ARRAY = Gemini("gemini_array", as_array=True)


def facts_of(call: Call, route: Route, document: dict[str, Any]) -> Facts:
    """Facts of a request to a method of a model. Raises Refused, as `read` does.

    The bytes of `call.body` bound its tokens, so the request must be in it, as it is or inside of
    something else.
    """
    _refuse_address(call, route)
    request = Message(document, "")
    for key in request.beyond(_REQUEST):
        raise jsonbody.not_metered(f"The field {key[:64]!r}")
    _refuse_other_model(request, route)
    config = request.message("generationConfig")
    _refuse_config(config)
    prompt = _prompt(request, config, route)
    tools = gemini_tools.read(request, prompt)
    modalities = prompt.modalities
    if not _TEXT_FAMILY.match(route.model):
        modalities = modalities | ALL_MODALITIES
    return Facts(
        endpoint=f"models/*:{route.method}",
        kind="metered",
        model=route.model,
        stream=route.method == STREAM,
        input_tokens_max=prompt.tokens_max(call.body, tools.declared),
        input_unseen=prompt.unseen,
        media_fill_window=True,
        output_tokens_cap=config.count("maxOutputTokens"),
        choices=config.count("candidateCount", most=MAX_CHOICES) or 1,
        usage_wanted=True,
        # No tier that passes is dearer than the standard one, at whichever location.
        service_tier=surcharge(call.host, call.route, route.model) or _tier(call, request),
        modalities=frozenset(modalities),
        uses=_uses(prompt, tools),
        server_calls_max=None if tools.on_server else 0,
        server_units=frozenset(tools.units),
        output_per_server_call=True,
        document=document,
    )


def capped(document: dict[str, Any], facts: Facts, grant: Grant) -> dict[str, Any] | None:
    """The request with the cap that was granted; None where nothing changes. Never raises a cap."""
    cap = grant.output_tokens_cap
    if cap is None or (facts.output_tokens_cap or cap + 1) <= cap:
        return None
    request = Message(document, "")
    config = request.message("generationConfig")
    options = {
        **(request.get("generationConfig") or {}),
        config.spelling("maxOutputTokens"): cap,
    }
    return {**document, request.spelling("generationConfig"): options}


def meter_of(
    facts: Facts,
    status: int,
    content_type: str,
    *,
    as_array: bool = False,
    tally: Callable[[int], Tally] = Tally,
) -> Meter:
    """A meter for the shape that the answer says it has; what its chunks say is for the tally."""
    kind = media_type(content_type)
    if status >= 400 or not facts.stream:
        return whole_answer(facts.choices, tally)
    if kind == "text/event-stream" or (not kind and not as_array):
        return EventMeter(facts.choices, tally)
    return ArrayMeter(facts.choices, tally)


def alt(call: Call) -> str:
    """The form of answer that the query asks for; the last one named."""
    asked = [value for name, value in parse_qsl(call.query) if name in ("alt", "$alt")]
    return asked[-1].lower() if asked else "json"


def _refuse_address(call: Call, route: Route) -> None:
    if alt(call) not in ("json", "sse"):
        raise jsonbody.bad_request("`alt` must be json or sse.")
    if _OTHER_OUTPUT.search(route.model):
        raise jsonbody.not_metered("A model whose output is not text")


def _refuse_other_model(request: Message, route: Route) -> None:
    named = request.text("model")
    if named is not None and named.rpartition("/")[2] != route.model.rpartition("/")[2]:
        raise jsonbody.bad_request("`model` names another model than the path.")


def _refuse_config(config: Message) -> None:
    for key in config.beyond(_CONFIG):
        raise jsonbody.not_metered(f"The option {key[:64]!r}")
    for modality in config.items("responseModalities"):
        if str(modality).upper() not in _TEXT_MODALITIES:
            raise jsonbody.not_metered("Output other than text (`responseModalities`)")


def _prompt(request: Message, config: Message, route: Route) -> Prompt:
    prompt = Prompt(route.model)
    contents = request.messages("contents")
    if not contents:
        raise jsonbody.bad_request("`contents` must be a non-empty list.")
    for content in contents:
        prompt.add_content(content)
    if request.get("systemInstruction") is not None:
        prompt.add_content(request.message("systemInstruction"))
    for name in ("responseSchema", "responseJsonSchema"):
        prompt.add_schema(config.get(name))
    if request.text("cachedContent"):
        prompt.unseen = prompt.kept = True
        prompt.modalities |= ALL_MODALITIES
    if request.text("continuationToken"):
        prompt.unseen = prompt.kept = True
    return prompt


def _uses(prompt: Prompt, tools: gemini_tools.Tools) -> Uses:
    """What the provider keeps may hold tools, too."""
    if prompt.kept:
        return UNKNOWN
    return Uses(known(tools.names), frozenset(tools.kinds), prompt.media)


def _tier(call: Call, request: Message) -> str | None:
    """The service tier that is asked for, None for the standard one. Raises Refused (403)."""
    named = [
        str(request.get("serviceTier") or "").upper().removeprefix("SERVICE_TIER_"),
        call.headers.get(_TIER_HEADER, "").strip().upper(),
    ]
    tiers = {_TIERS.get(name, name) for name in named if name}
    for tier in tiers - {None, "flex"}:
        raise jsonbody.not_metered(f"The service tier {str(tier)[:32].lower()!r}")
    return "flex" if "flex" in tiers else None
