"""Cohere's API, as the fake provider speaks it: one deterministic answer per prompt.

Owns: its JSON, event and line shapes, and what it bills (`billed_units`; `tokens` is always more).
Refuses to know: AEX. The tokenizer is the demo provider's.
https://docs.cohere.com/reference/chat and https://docs.cohere.com/v1/reference/chat
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import DemoProvider, Exchange, count_tokens, text_of

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken


def speaks(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    return [
        ("POST", re.compile("/v2/chat"), partial(chat, provider)),
        ("POST", re.compile("/v1/chat"), partial(chat_v1, provider)),
        ("POST", re.compile("/v[12]/embed"), embed),
        ("POST", re.compile("/v[12]/rerank"), rerank),
        ("POST", re.compile("/v1/tokenize"), tokenize),
    ]


def billing(exchange: Exchange) -> dict[str, Any]:
    """What is billed, as fractions of nothing, and what is merely counted."""
    used = {"input_tokens": exchange.input_tokens, "output_tokens": exchange.output_tokens}
    return {
        "billed_units": {key: float(count) for key, count in used.items()},
        "tokens": {key: count + 500.0 for key, count in used.items()},
    }


def enter(exchange: Exchange, document: dict[str, Any], *texts: str) -> list[str]:
    """The line in the book, and the pieces of the answer, one token each."""
    exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
    exchange.input_tokens = count_tokens("".join(texts))
    words = re.findall(r"\s*\S+", f"You said: {texts[-1]}")
    return words[: document.get("max_tokens") or 256]


async def chat(provider: DemoProvider, exchange: FakeExchange) -> None:
    """Version 2: a document, or events."""
    document = json.loads(exchange.body)
    tools = document.get("tools") or []
    texts = [text_of(message.get("content")) for message in document["messages"]]
    pieces = enter(exchange, document, json.dumps(tools) if tools else "", *texts)
    asks = bool(tools) and document["messages"][-1]["role"] == "user"
    if exchange.stream:
        await stream(provider, exchange, pieces, tools if asks else [])
        return
    exchange.output_tokens = len(pieces)
    content = {"content": [{"type": "text", "text": "".join(pieces)}]}
    message = {"role": "assistant", **({"tool_calls": [tool_call(tools)]} if asks else content)}
    answer = {"id": "c1", "finish_reason": "TOOL_CALL" if asks else "COMPLETE", "message": message}
    body = {**answer, "usage": billing(exchange)}
    await exchange.answer(200, json.dumps(body, ensure_ascii=False).encode())


def tool_call(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """A call of the first tool."""
    function = {"name": tools[0]["function"]["name"], "arguments": '{"echo": "x"}'}
    return {"id": "call_1", "type": "function", "function": function}


async def stream(
    provider: DemoProvider, exchange: FakeExchange, pieces: list[str], tools: list[dict[str, Any]]
) -> None:
    """Events as the API sends them; what is billed comes last."""
    await begin(exchange, "text/event-stream; charset=utf-8")

    async def send(kind: str, message: dict[str, Any] | None = None, **fields: Any) -> None:
        await provider.pace(exchange, exchange.events)
        event = {"type": kind, "index": 0, **fields}
        event |= {"delta": {"message": message}} if message is not None else {}
        data = json.dumps(event, ensure_ascii=False)
        await exchange.send(f"event: {kind}\ndata: {data}\n\n".encode())

    await send("message-start", {"role": "assistant", "content": []}, id="c1")
    if tools:
        exchange.output_tokens = len(pieces)
        await send("tool-call-start", {"tool_calls": tool_call(tools)})
        await send("tool-call-end")
    else:
        await send("content-start", {"content": {"type": "text", "text": ""}})
        for piece in pieces:
            exchange.output_tokens += 1
            await send("content-delta", {"content": {"text": piece}})
        await send("content-end")
    reason = "TOOL_CALL" if tools else "COMPLETE"
    await send("message-end", delta={"finish_reason": reason, "usage": billing(exchange)})
    await exchange.send(b"data: [DONE]\n\n")
    await end(exchange)


async def chat_v1(provider: DemoProvider, exchange: FakeExchange) -> None:
    """Version 1: a document, or lines of JSON."""
    document = json.loads(exchange.body)
    history = [turn["message"] for turn in document.get("chat_history") or []]
    pieces = enter(exchange, document, *history, document["message"])
    whole = {"response_id": "r1", "generation_id": "g1", "finish_reason": "COMPLETE"}
    whole["text"] = "".join(pieces)
    if not exchange.stream:
        exchange.output_tokens = len(pieces)
        body = {**whole, "meta": billing(exchange)}
        await exchange.answer(200, json.dumps(body, ensure_ascii=False).encode())
        return
    await begin(exchange, "application/stream+json")

    async def send(kind: str, **fields: Any) -> None:
        await provider.pace(exchange, exchange.events)
        event = {"is_finished": kind == "stream-end", "event_type": kind, **fields}
        await exchange.send(json.dumps(event, ensure_ascii=False).encode() + b"\n")

    await send("stream-start", generation_id="g1")
    for piece in pieces:
        exchange.output_tokens += 1
        await send("text-generation", text=piece)
    response = {**whole, "meta": billing(exchange)}
    await send("stream-end", finish_reason="COMPLETE", response=response)
    await end(exchange)


async def begin(exchange: Exchange, kind: str) -> None:
    """The head of a stream."""
    await exchange.head(200, {"content-type": kind, "transfer-encoding": "chunked"})


async def end(exchange: FakeExchange) -> None:
    """The end of a stream."""
    if tail := exchange.packer.finish():
        await exchange.chunk(tail)
    await exchange.write(b"0\r\n\r\n")
    exchange.complete = True


async def embed(exchange: Exchange) -> None:
    """A vector for each text."""
    document = json.loads(exchange.body)
    exchange.model = document["model"]
    exchange.input_tokens = count_tokens("".join(document["texts"]))
    vectors = [[0.5, -0.5] for _ in document["texts"]]
    meta = {"billed_units": {"input_tokens": exchange.input_tokens}}
    body = {"id": "e1", "texts": document["texts"], "meta": meta}
    if exchange.path.startswith("/v2"):
        body |= {"response_type": "embeddings_by_type", "embeddings": {"float": vectors}}
    else:
        body |= {"response_type": "embeddings_floats", "embeddings": vectors}
    await exchange.answer(200, json.dumps(body).encode())


async def rerank(exchange: Exchange) -> None:
    """A score for each document."""
    document = json.loads(exchange.body)
    exchange.model, count = document["model"], len(document["documents"])
    results = [{"index": index, "relevance_score": 0.5} for index in range(count)]
    meta = {"billed_units": {"search_units": -(-count // 100)}}
    body = {"id": "k1", "results": results, "meta": meta}
    await exchange.answer(200, json.dumps(body).encode())


async def tokenize(exchange: Exchange) -> None:
    """Something that costs nothing."""
    await exchange.answer(200, json.dumps({"tokens": [1], "token_strings": ["x"]}).encode())
