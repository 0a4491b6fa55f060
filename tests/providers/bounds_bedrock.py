"""Makers of random Converse calls, each with what AWS bills for them at the most.

Owns: what a conversation in Converse's form is counted as, of models whose vocabulary is published
(gpt-oss) and of Claude's, for which a large byte-level one after NFKC stands in.
Refuses to know: how reserves and bills are compared (bounds.py).
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from typing import Any

from providers.wire import Call, Usage
from tests.providers.bounds_anthropic import BLOCK, CALL, DEFINITION, TOOLS, USE

Trial = tuple[Call, Usage]

GPT_OSS = "openai.gpt-oss-120b-1:0"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
# What the chat template of gpt-oss puts before a conversation is shorter than this.
TEMPLATE = 100


def converse(
    dice: random.Random,
    text: Callable[[random.Random], str],
    body: Callable[[random.Random, dict[str, Any]], bytes],
    large: Callable[[str], int],
    schema: Callable[[random.Random], dict[str, Any]],
) -> Trial:
    """Blocks of all kinds that hold text, tools, a cache for minutes or an hour."""
    model = dice.choice([GPT_OSS, CLAUDE])

    def tokens(said: str) -> int:
        return large(unicodedata.normalize("NFKC", said) if model == CLAUDE else said)

    made = [block(dice, text(dice), tokens) for _ in range(dice.randrange(1, 9))]
    document: dict[str, Any] = {
        "messages": [{"role": "user", "content": [each for each, _ in made]}],
        "system": [{"text": said} for said in [text(dice)][: dice.randrange(2)]],
    }
    counted = CALL + TEMPLATE * (model == GPT_OSS) + sum(cost for _, cost in made)
    counted += sum(BLOCK + tokens(each["text"]) for each in document["system"])
    if dice.random() < 0.3:
        described = {"description": text(dice), "inputSchema": {"json": schema(dice)}}
        specs = [{"name": f"tool_{n}", **described} for n in range(dice.randrange(1, 5))]
        document["toolConfig"] = {"tools": [{"toolSpec": spec} for spec in specs]}
        written = (json.dumps(spec, ensure_ascii=False) for spec in specs)
        counted += TOOLS + sum(DEFINITION + tokens(one) for one in written)
    if dice.random() < 0.7:
        document["inferenceConfig"] = {"maxTokens": dice.randrange(1, 5000)}
    counts = {"input_tokens": counted, "output_tokens": -1}
    ttl = dice.choice([None, "5m", "1h"]) if model == CLAUDE else None
    if ttl is not None:
        point = {"cachePoint": {"type": "default", "ttl": ttl}}
        document["messages"][0]["content"].append(point)
        counts["cache_write_tokens"] = counts[f"cache_write_{ttl}_tokens"] = counted
    action = dice.choice(["converse", "converse-stream"])
    path = f"/model/{model}/{action}"
    return Call("aws", "POST", path, "", {}, body(dice, document)), Usage(counts)


def block(
    dice: random.Random, said: str, tokens: Callable[[str], int]
) -> tuple[dict[str, Any], int]:
    """A block of a message, and what it is billed as."""
    kind = dice.choice(["text", "text", "toolUse", "toolResult", "reasoningContent"])
    if kind == "toolUse":
        written = json.dumps({"said": said}, ensure_ascii=False)
        use = {"toolUseId": "tooluse_1", "name": "f", "input": {"said": said}}
        return {kind: use}, USE + tokens(written)
    if kind == "toolResult":
        return {kind: {"toolUseId": "tooluse_1", "content": [{"text": said}]}}, USE + tokens(said)
    if kind == "reasoningContent":
        return {kind: {"reasoningText": {"text": said, "signature": "c2ln"}}}, BLOCK + tokens(said)
    return {kind: said}, BLOCK + tokens(said)
