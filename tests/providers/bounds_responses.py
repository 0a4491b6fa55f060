"""Makers of random Responses and Completions requests, each with what a real tokenizer makes of it.

Owns: the kinds of items and options that are tried. Refuses to know: how reserves and bills are
compared (bounds.py).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
Text = Callable[[random.Random], str]
Body = Callable[[random.Random, dict[str, Any]], bytes]
Tokens = Callable[[str], int]
Schema = Callable[[random.Random], dict[str, Any]]


def responses(dice: random.Random, text: Text, body: Body, tokens: Tokens, schema: Schema) -> Trial:
    """Responses: instructions, items of many kinds, tools, a schema, service tiers."""
    said = {"user": "input_text", "developer": "input_text", "assistant": "output_text"}
    items: list[dict[str, Any]] = []
    counted = 3
    for _ in range(dice.randrange(1, 9)):
        spoken = text(dice)
        role = dice.choice(list(said))
        items.append(
            dice.choice(
                [
                    {"role": role, "content": spoken},
                    {"role": role, "content": [{"type": said[role], "text": spoken}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": spoken},
                    {"type": "function_call_output", "call_id": "c", "output": spoken},
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": spoken}]},
                ]
            )
        )
        counted += 6 + tokens(spoken)
    models = ["gpt-5.2", "gpt-4.1", "gpt-4o-mini", "gpt-6-sol", "o4-mini"]
    document: dict[str, Any] = {"model": dice.choice(models), "input": items}
    if dice.random() < 0.3:
        document["instructions"] = text(dice)
        counted += 4 + tokens(document["instructions"])
    if dice.random() < 0.3:
        tools = [
            {"type": "function", "name": f"tool_{n}", "parameters": schema(dice)}
            for n in range(dice.randrange(1, 5))
        ]
        document["tools"] = tools
        counted += 12 + sum(8 + tokens(json.dumps(tool)) for tool in tools)
    if dice.random() < 0.2:
        form = schema(dice)
        document["text"] = {"format": {"type": "json_schema", "name": "s", "schema": form}}
        counted += 12 + tokens(json.dumps(form))
    if dice.random() < 0.5:
        document["max_output_tokens"] = dice.randrange(16, 5000)
    tier = document["service_tier"] = dice.choice([None, "auto", "flex", "priority", "fast"])
    call = Call("openai", "POST", "/v1/responses", "", {}, body(dice, document))
    # A dearer tier serves only who asks for it; a cheaper one may serve anybody.
    served = dice.choice([tier, "default", "flex"])
    counts = {"input_tokens": counted, "output_tokens": -1}
    return call, Usage(counts, service_tier=served)


def completions(dice: random.Random, text: Text, body: Body, tokens: Tokens) -> Trial:
    """Completions: one prompt or several, several answers to each, a cap or the API's own."""
    prompts = [text(dice) for _ in range(dice.randrange(1, 5))]
    generated = dice.randrange(1, 4)
    document: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": prompts}
    document["n"] = generated
    if dice.random() < 0.5:
        generated = dice.randrange(generated, 6)
        document |= {"best_of": generated, "max_tokens": dice.randrange(1, 2000)}
    call = Call("openai", "POST", "/v1/completions", "", {}, body(dice, document))
    counts = {
        "input_tokens": sum(map(tokens, prompts)),
        "output_tokens": -generated * len(prompts),
    }
    return call, Usage(counts)
