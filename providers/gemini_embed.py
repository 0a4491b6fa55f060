"""Embeddings of Gemini models: `embedContent`, `batchEmbedContents`, and Vertex AI's `predict`.

Owns: what such a request may cost, and where its answer says what it did cost.
Refuses to know: prices, budgets. Input is billed, output is not.
Gemini API: https://ai.google.dev/api/embeddings
Vertex AI:  https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints

Only text is taken; pictures, sound and documents are refused. Some answers of the Gemini API say
nothing of what they cost: such a call is booked at its bound, a token for each byte.
"""

from __future__ import annotations

import re
from typing import Any

from providers import gemini_errors, jsonbody, tokens
from providers.fields import Row, extract
from providers.gemini_route import Route, parse
from providers.jsonanswer import JsonAnswer
from providers.protojson import Message, fields
from providers.repriced import at_tier
from providers.uses import TEXT
from providers.vertex_regions import surcharge
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

MAX_TEXTS = 100_000
_METHODS = ("embedContent", "batchEmbedContents", "predict")
# `predict` also makes pictures and films; their models are not called this.
_MODEL = re.compile(r"(gemini|text)-(multilingual-)?embedding-")

_SETTINGS = ("taskType", "title", "outputDimensionality", "autoTruncate")
_REQUEST = fields("model", "content", "embedContentConfig", *_SETTINGS)
_CONFIG = fields(*_SETTINGS)
_BATCH = fields("model", "requests")
_CONTENT = fields("role", "parts")
_PART = fields("text")
_PREDICT = fields("instances", "parameters")
_INSTANCE = fields("content", "taskType", "title")
_PARAMETERS = fields("outputDimensionality", "autoTruncate")

# https://ai.google.dev/api/embeddings#v1beta.EmbedContentResponse
USAGE = (Row("input_tokens", ("promptTokenCount",), required=True),)
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/predict
PREDICTION = (Row("input_tokens", ("embeddings", "statistics", "token_count"), required=True),)


class GeminiEmbed:
    """The wire format; stateless, one instance."""

    name = "gemini_embed"

    def claims(self, call: Call) -> bool:
        """POST to one of the methods; `predict` only of a model for embeddings."""
        route = parse(call)
        if route is None or route.method not in _METHODS:
            return False
        return route.method != "predict" or bool(_MODEL.match(route.model))

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed one, 403 for unmetered."""
        route = parse(call)
        if route is None:
            raise LookupError(f"{call.path} is not a method of a model")
        document = jsonbody.parse_object(call.body)
        texts = _texts(Message(document, ""), route)
        if not 0 < texts <= MAX_TEXTS:
            raise jsonbody.bad_request("There must be something to embed.")
        return Facts(
            endpoint=f"models/*:{route.method}",
            kind="metered",
            uses=TEXT,
            model=route.model,
            input_tokens_max=tokens.request_tokens_max(call.body, messages=texts),
            has_output=False,
            service_tier=surcharge(call.host, call.route, route.model),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return at_tier(JsonAnswer(_usage, has_output=False), facts.service_tier)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Google's error object."""
        return gemini_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Google's error event; embeddings are never streamed."""
        return gemini_errors.error_event(denial)


GEMINI_EMBED = GeminiEmbed()


def _texts(request: Message, route: Route) -> int:
    """How many texts are embedded. Raises Refused for what is no text."""
    if route.method == "predict":
        return _instances(request)
    if route.method == "embedContent":
        return _content(request, route)
    _refuse_unknown(request, _BATCH)
    _refuse_other_model(request, route)
    return sum(_content(each, route) for each in request.messages("requests"))


def _content(request: Message, route: Route) -> int:
    _refuse_unknown(request, _REQUEST)
    _refuse_unknown(request.message("embedContentConfig"), _CONFIG)
    _refuse_other_model(request, route)
    content = request.message("content")
    _refuse_unknown(content, _CONTENT)
    for part in content.messages("parts"):
        _refuse_unknown(part, _PART)
    return 1


def _instances(request: Message) -> int:
    _refuse_unknown(request, _PREDICT)
    _refuse_unknown(request.message("parameters"), _PARAMETERS)
    instances = request.messages("instances")
    for instance in instances:
        _refuse_unknown(instance, _INSTANCE)
        if instance.text("content") is None:
            raise jsonbody.bad_request("Each of `instances` must have a text as its `content`.")
    return len(instances)


def _refuse_unknown(message: Message, known: frozenset[str]) -> None:
    for key in message.beyond(known):
        raise jsonbody.not_metered(f"An embedding with {key[:64]!r}")


def _refuse_other_model(request: Message, route: Route) -> None:
    named = request.text("model")
    if named is not None and named.rpartition("/")[2] != route.model.rpartition("/")[2]:
        raise jsonbody.bad_request("`model` names another model than the path.")


def _usage(document: dict[str, Any]) -> Usage | None:
    predictions = document.get("predictions")
    if not isinstance(predictions, list):
        counts = extract(USAGE, document.get("usageMetadata"))
        return None if counts is None else Usage(counts)
    each = [extract(PREDICTION, prediction) for prediction in predictions]
    if not each or None in each:
        return None
    return Usage({"input_tokens": sum(counts["input_tokens"] for counts in each if counts)})
