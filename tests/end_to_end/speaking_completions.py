"""The fake provider speaks OpenAI's oldest API: a text goes on, whole or as a stream.

Owns: one deterministic answer per request, and its line in the book. Refuses to know: AEX.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aex_addon.demo_provider import CREATED, DemoProvider, count_tokens

SSE = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}


def speak(provider: DemoProvider) -> list[Any]:
    """The one path."""

    def envelope(exchange: Any, choices: list[Any], **more: Any) -> dict[str, Any]:
        base = {"id": f"cmpl-{exchange.id}", "object": "text_completion", "created": CREATED}
        return {**base, "model": exchange.model, "choices": choices, **more}

    async def complete(exchange: Any) -> None:
        document = json.loads(exchange.body)
        exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
        exchange.input_tokens = count_tokens(document["prompt"])
        pieces = re.findall(r"\s*\S+", f"You said: {document['prompt']}")
        pieces = pieces[: document.get("max_tokens", 16)]
        if not exchange.stream:
            exchange.output_tokens = len(pieces) * (document.get("n") or 1)
            choices = [
                {"index": i, "text": "".join(pieces), "finish_reason": "stop", "logprobs": None}
                for i in range(document.get("n") or 1)
            ]
            whole = envelope(exchange, choices, usage=provider.usage(exchange))
            await exchange.answer(200, json.dumps(whole, ensure_ascii=False).encode())
            return
        await exchange.head(200, SSE)
        for piece in pieces:
            await provider.pace(exchange, exchange.events)
            exchange.output_tokens += 1
            choice = {"index": 0, "text": piece, "finish_reason": None, "logprobs": None}
            await exchange.event(json.dumps(envelope(exchange, [choice]), ensure_ascii=False))
        if (document.get("stream_options") or {}).get("include_usage"):
            last = envelope(exchange, [], usage=provider.usage(exchange))
            await exchange.event(json.dumps(last))
        await exchange.event("[DONE]")
        await exchange.write(b"0\r\n\r\n")
        exchange.complete = True

    return [("POST", re.compile(r"/v1/completions"), complete)]
