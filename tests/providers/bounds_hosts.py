"""Makers of random calls for the dialects: a call of the API that a host speaks, moved there.

Owns: which host stands for each dialect, and what is changed of a call so that the host takes it.
Refuses to know: how the calls themselves are made and counted (bounds.py and its neighbours).

At these hosts a model is priced by the operator, so that none of them goes unmeasured because the
catalogue has no price of the one model whose vocabulary is at hand.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from providers.prices import ModelOverride
from providers.provider import Provider
from providers.registry import PROVIDERS
from providers.wire import MESSAGE, Call, Usage
from tests.providers.recorded import spoken_by

Trial = tuple[Call, Usage]
Maker = Callable[[random.Random], Trial]
Body = Callable[[random.Random, dict[str, Any]], bytes]

# Of the same vocabulary as the texts are counted with; templates put less than this before a text.
MODEL = "priced-at-{host}"
TEMPLATE = 100
_PRICE = (Decimal(3), Decimal(15))
_KINDS = ("_chat", "_responses", "_embeddings")
# What has a maker elsewhere, and servers of one's own, where nothing is billed.
_ELSEWHERE = frozenset(
    (
        *("openai_chat", "openai_responses", "openai_embeddings", "groq_chat", "groq_responses"),
        *("cohere_chat", "ollama_chat", "vertex_chat", "local_chat", "local_responses"),
    )
)


def _speaks(name: str) -> Provider:
    """The first host of the table that bills for a format."""
    return next(row for row in PROVIDERS if not row.free and name in spoken_by(row))


def _dialects() -> list[str]:
    """Formats of OpenAI's kind for which there is no maker elsewhere."""
    names = {name for row in PROVIDERS for name in spoken_by(row)} - _ELSEWHERE
    return sorted(name for name in names if name.endswith(_KINDS))


def prices() -> dict[str, ModelOverride]:
    """The operator's prices, one model a host."""
    hosts = {_speaks(name).id for name in _dialects()}
    limits = {"max_output_tokens": 8192, "context_window": 131_072}
    return {MODEL.format(host=host): ModelOverride(host, *_PRICE, **limits) for host in hosts}


def makers(body: Body, chat: Maker, responses: Maker, embeddings: Maker) -> dict[str, Maker]:
    """By the format's name; each argument makes calls to OpenAI."""
    makers_of = {"_chat": chat, "_responses": responses, "_embeddings": embeddings}
    found: dict[str, Maker] = {}
    for name in _dialects():
        original = next(maker for kind, maker in makers_of.items() if name.endswith(kind))
        found[name] = _moved(_speaks(name).id, original, body)
    return found | {
        "vertex_chat": _at_vertex(chat, body),
        "openai_responses_ws": _message(responses, body),
        "openai_responses_compact": _compaction(responses, body),
    }


def _moved(host: str, original: Maker, body: Body) -> Maker:
    def maker(dice: random.Random) -> Trial:
        call, usage = original(dice)
        document = {**json.loads(call.body), "model": MODEL.format(host=host)}
        document.pop("service_tier", None)
        counts = {**usage.counts, "input_tokens": usage.counts["input_tokens"] + TEMPLATE}
        if call.path.endswith("/embeddings"):
            counts = dict(usage.counts)
        moved = replace(call, provider=host, body=body(dice, document), canonical=call.path)
        return moved, Usage(counts)

    return maker


def _at_vertex(chat: Maker, body: Body) -> Maker:
    """At a location of Vertex AI, where only Google's models are metered, at their own prices."""

    def maker(dice: random.Random) -> Trial:
        call, usage = chat(dice)
        place = dice.choice(["global", "us-east5", "eu"])
        path = f"/v1/projects/p/locations/{place}/endpoints/openapi/chat/completions"
        document = {**json.loads(call.body), "model": "google/gemini-2.5-flash"}
        return replace(call, provider="google-vertex", path=path, body=body(dice, document)), usage

    return maker


def _message(responses: Maker, body: Body) -> Maker:
    """The same request as a message over a WebSocket."""

    def maker(dice: random.Random) -> Trial:
        call, usage = responses(dice)
        document = {"type": "response.create", **json.loads(call.body)}
        return replace(call, method=MESSAGE, body=body(dice, document)), usage

    return maker


def _compaction(responses: Maker, body: Body) -> Maker:
    """Its items are compacted; nothing caps that, and no tier is asked for."""

    def maker(dice: random.Random) -> Trial:
        document: dict[str, Any] = {"tools": None}
        while document.keys() & {"tools", "text"}:
            call, usage = responses(dice)
            document = json.loads(call.body)
        kept = {key: document[key] for key in ("model", "input", "instructions") if key in document}
        moved = replace(call, path=f"{call.path}/compact", body=body(dice, kept))
        counts = {**usage.counts, "output_tokens": -1}
        return moved, Usage(counts)

    return maker
