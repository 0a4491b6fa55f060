"""Makers of random Messages calls, each with what Anthropic's pages say that it is billed as.

Owns: the published rules of counting, and a stand-in for Claude's vocabulary, which is not
published: a large byte-level one after NFKC, as the last one that was.
Refuses to know: how reserves and bills are compared (bounds.py).
"""

from __future__ import annotations

import base64
import json
import random
import unicodedata
from collections.abc import Callable
from typing import Any

from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
Text = Callable[[random.Random, int], str]
Body = Callable[[random.Random, dict[str, Any]], bytes]
Count = Callable[[str], int]

# What the API adds around a call, a block, a use of a tool, one of its members, a definition.
CALL, BLOCK, USE, MEMBER, DEFINITION = 24, 4, 40, 12, 16
# https://platform.claude.com/docs/en/about-claude/pricing#tool-use-pricing, of the models below.
TOOLS = 589
AT_BEDROCK = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-5")
GROWING = ("", "\ufdfa" * 9, "ﬃ①…")


def messages(
    dice: random.Random,
    text: Text,
    body: Body,
    large: Count,
    schema: Callable[[random.Random], dict[str, Any]],
) -> Trial:
    """Blocks of all kinds, tools, a cache for minutes or an hour, any region."""

    def tokens(said: str) -> int:
        return large(unicodedata.normalize("NFKC", said))

    made = [block(dice, text, tokens) for _ in range(dice.randrange(1, 9))]
    document: dict[str, Any] = {
        "model": dice.choice(MODELS),
        "max_tokens": dice.randrange(1, 5000),
        "messages": [{"role": "user", "content": [each for each, _ in made]}],
    }
    counted = CALL + sum(cost for _, cost in made)
    if dice.random() < 0.3:
        described = {"description": text(dice, 100), "input_schema": schema(dice)}
        tools = [{"name": f"tool_{n}", **described} for n in range(dice.randrange(1, 5))]
        document |= {"tools": tools, "tool_choice": {"type": dice.choice(["auto", "any"])}}
        written = (json.dumps(tool, ensure_ascii=False) for tool in tools)
        counted += TOOLS + sum(DEFINITION + tokens(one) for one in written)
    counts = {"input_tokens": counted, "output_tokens": -1}
    ttl = dice.choice([None, "5m", "1h"])
    if ttl is not None:
        document["cache_control"] = {"type": "ephemeral", "ttl": ttl}
        counts["cache_write_tokens"] = counts[f"cache_write_{ttl}_tokens"] = counted
    region = dice.choice(["global", "us", None])
    if region is not None:
        document["inference_geo"] = region
    call = Call("anthropic", "POST", "/v1/messages", "", {}, body(dice, document))
    return call, Usage(counts, service_tier=None if region == "global" else "us")


def at_vertex(
    dice: random.Random,
    text: Text,
    body: Body,
    large: Count,
    schema: Callable[[random.Random], dict[str, Any]],
) -> Trial:
    """The same at a location of Vertex AI, where the path names the model."""
    call, usage = messages(dice, text, body, large, schema)
    document = json.loads(call.body)
    model = document.pop("model")
    document.pop("inference_geo", None)
    place = dice.choice(["global", "us-east5", "eu"])
    path = f"/v1/projects/p/locations/{place}/publishers/anthropic/models/{model}:rawPredict"
    document["anthropic_version"] = "vertex-2023-10-16"
    tier = None if place == "global" else "regional"
    moved = Call("google-vertex", "POST", path, "", {}, body(dice, document))
    return moved, Usage(usage.counts, service_tier=tier)


def at_bedrock(
    dice: random.Random,
    text: Text,
    body: Callable[[random.Random, dict[str, Any]], bytes],
    large: Count,
    schema: Callable[[random.Random], dict[str, Any]],
) -> Trial:
    """The same as Bedrock invokes it."""
    call, usage = messages(dice, text, body, large, schema)
    document = json.loads(call.body)
    document.pop("inference_geo", None)
    document.pop("model")
    document["anthropic_version"] = "bedrock-2023-05-31"
    action = dice.choice(["invoke", "invoke-with-response-stream"])
    path = f"/model/{AT_BEDROCK}/{action}"
    return Call("aws", "POST", path, "", {}, body(dice, document)), Usage(usage.counts)


def block(dice: random.Random, text: Text, tokens: Count) -> tuple[dict[str, Any], int]:
    """A block of a message, and what it is billed as."""
    said = text(dice, 400) + dice.choice(GROWING)
    kind = dice.choice(["text", "text", "image", "tool_use", "tool_result", "thinking"])
    if kind == "image":
        width, height = dice.randrange(1, 8000), dice.randrange(1, 8000)
        data = base64.b64encode(dice.randbytes(dice.randrange(90))).decode()
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return {"type": kind, "source": source}, visual_tokens(width, height)
    if kind == "tool_use":
        given = {f"member_{n}": text(dice, 40) for n in range(dice.randrange(6))}
        counted = sum(MEMBER + tokens(name) + tokens(given[name]) for name in given)
        return {"type": kind, "id": "toolu_1", "name": "f", "input": given}, USE + counted
    if kind == "tool_result":
        inner = [{"type": "text", "text": said}]
        result = {"type": kind, "tool_use_id": "toolu_1", "content": inner}
        return result, USE + tokens(said)
    if kind == "thinking":
        signature = base64.b64encode(said.encode()).decode()
        return {"type": kind, "thinking": "", "signature": signature}, BLOCK + tokens(said)
    return {"type": kind, "text": said}, BLOCK + tokens(said)


def visual_tokens(width: int, height: int) -> int:
    """Patches of the scaled picture: the page on vision, for models before 4.7."""
    scale = min(1.0, 1568 / max(width, height))
    while True:
        patches = -int(-width * scale // 28) * -int(-height * scale // 28)
        if patches <= 1_568:
            return patches
        scale *= 0.99
