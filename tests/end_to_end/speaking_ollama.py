"""Ollama's own API, as the fake provider speaks it: one deterministic answer per prompt.

Owns: its JSON and line shapes, and what it counts. A prompt is cached the second time that it comes
alone, and then has no count, as Ollama's own has none.
Refuses to know: AEX. The tokenizer is the demo provider's.
https://docs.ollama.com/api/chat
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import DemoProvider, Exchange, count_tokens
from tests.end_to_end.speaking_cohere import begin, end

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

CREATED = "2026-11-05T12:00:00Z"


def speaks(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    return [
        ("POST", re.compile("/api/(chat|generate)"), partial(chat, provider)),
        ("POST", re.compile("/api/embed"), embed),
        ("GET", re.compile("/api/(tags|ps|version)"), listed),
        ("POST", re.compile("/api/pull"), listed),
    ]


async def listed(exchange: Exchange) -> None:
    """Something that uses nothing."""
    await exchange.answer(200, b'{"models": [], "version": "0.34.2"}')


async def chat(provider: DemoProvider, exchange: FakeExchange) -> None:
    """A document where streaming is turned off, else lines."""
    document = json.loads(exchange.body)
    is_chat = exchange.path.startswith("/api/chat")
    turns = document["messages"] if is_chat else [{"content": document["prompt"]}]
    tools = json.dumps(document["tools"]) if document.get("tools") else ""
    texts = [turn["content"] for turn in turns]
    exchange.model, exchange.stream = document["model"], document.get("stream") is not False
    exchange.input_tokens = count_tokens("".join([tools, *texts]))
    cap = (document.get("options") or {}).get("num_predict", -1)
    pieces = re.findall(r"\s*\S+", f"You said: {texts[-1]}")
    pieces = pieces[:cap] if cap > 0 else pieces
    calls = [{"function": {"name": "look_up", "arguments": {"x": 1}}}] if tools else []

    def part(text: str, **fields: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
        said = {"message": message} if is_chat else {"response": text}
        return {"model": exchange.model, "created_at": CREATED, **said, "done": False, **fields}

    if not exchange.stream:
        exchange.output_tokens = len(pieces)
        body = part("".join(pieces), **ending(provider, exchange))
        await exchange.answer(200, json.dumps(body, ensure_ascii=False).encode())
        return
    await begin(exchange, "application/x-ndjson")
    for index, piece in enumerate(pieces):
        await provider.pace(exchange, index)
        exchange.output_tokens += 1
        await exchange.send(json.dumps(part(piece), ensure_ascii=False).encode() + b"\n")
    calls = []
    await exchange.send(json.dumps(part("", **ending(provider, exchange))).encode() + b"\n")
    await end(exchange)


def ending(provider: DemoProvider, exchange: Exchange) -> dict[str, Any]:
    """What the last line tells."""
    seen = any(call is not exchange and call.body == exchange.body for call in provider.book)
    counted = {} if seen else {"prompt_eval_count": exchange.input_tokens}
    used = {"eval_count": exchange.output_tokens, "total_duration": 1}
    return {"done": True, "done_reason": "stop", **counted, **used}


async def embed(exchange: Exchange) -> None:
    """A vector for each text."""
    document = json.loads(exchange.body)
    given = document["input"]
    texts = given if isinstance(given, list) else [given]
    exchange.model, exchange.input_tokens = document["model"], count_tokens("".join(texts))
    body = {"model": exchange.model, "embeddings": [[0.5, -0.5] for _ in texts]}
    body["prompt_eval_count"] = exchange.input_tokens
    await exchange.answer(200, json.dumps(body).encode())
