"""The Messages API, as the fake provider speaks it: one deterministic answer per prompt.

Owns: its JSON and event shapes, and what it bills: what comes with `cache_control` is written to a
cache the first time and read from it after that; a web search is done where one may be.
Refuses to know: AEX. The tokenizer is the demo provider's.
https://platform.claude.com/docs/en/api/messages/create and .../build-with-claude/streaming
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import DemoProvider, Exchange, count_tokens, text_of
from tests.end_to_end.faults import bend_usage

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

TELEMETRY = (
    r"/api/(event_logging|eval|claude_code|claude_cli|directory)[\w/.-]*|/mcp-registry/v0/servers"
)


def speak(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    return [
        ("POST", re.compile("/v1/messages"), partial(messages, provider)),
        ("POST", re.compile("/v1/messages/count_tokens"), counted),
        ("GET", re.compile("/v1/messages/batches"), listed),
        ("GET", re.compile(TELEMETRY), listed),
        ("POST", re.compile(TELEMETRY), listed),
    ]


async def listed(exchange: Exchange) -> None:
    """Something that costs nothing."""
    await exchange.answer(200, json.dumps({"data": [], "has_more": False}).encode())


async def counted(exchange: Exchange) -> None:
    """How many tokens the prompt has."""
    tokens = prompt_tokens(json.loads(exchange.body))
    await exchange.answer(200, json.dumps({"input_tokens": tokens}).encode())


async def messages(provider: DemoProvider, exchange: FakeExchange, model: str = "") -> None:
    """An answer, whole or streamed, and its line in the book; `model` where the path says it."""
    document = json.loads(exchange.body)
    exchange.model, exchange.stream = model or document["model"], bool(document.get("stream"))
    exchange.input_tokens = prompt_tokens(document)
    if not isinstance(document.get("max_tokens"), int):
        await refused(exchange, "max_tokens: Field required")
        return
    blocks = content(document)
    pieces = blocks[-1].pop("pieces")
    cap, stop = document["max_tokens"], blocks[-1].pop("stop")
    stop, pieces = ("max_tokens", pieces[:cap]) if cap < len(pieces) else (stop, pieces)
    usage = input_usage(provider, exchange, document)
    head = {
        "id": f"msg_{exchange.id:06d}",
        "type": "message",
        "role": "assistant",
        "model": exchange.model,
        "stop_sequence": None,
    }
    if exchange.stream:
        await stream(provider, exchange, {**head, "usage": usage}, blocks, pieces, stop)
        return
    exchange.output_tokens = len(pieces)
    whole = [*blocks[:-1], joined(blocks[-1], pieces)]
    usage = {**usage, **total(exchange, blocks)}
    answer = {**head, "content": whole, "stop_reason": stop, "usage": usage}
    await exchange.answer(200, json.dumps(answer, ensure_ascii=False).encode())


async def refused(exchange: Exchange, message: str) -> None:
    """An error of the API's own."""
    error = {"type": "invalid_request_error", "message": message}
    await exchange.answer(400, json.dumps({"type": "error", "error": error}).encode())


def prompt_tokens(document: dict[str, Any]) -> int:
    """Of system, messages and tools."""
    texts = [text_of(document.get("system")), json.dumps(document.get("tools", []))]
    texts += [text_of(message["content"]) for message in document["messages"]]
    return count_tokens("".join(texts))


def input_usage(
    provider: DemoProvider, exchange: Exchange, document: dict[str, Any]
) -> dict[str, Any]:
    """What `message_start` tells; the prompt but for its last token goes through the cache."""
    usage: dict[str, Any] = {
        "input_tokens": exchange.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
        "service_tier": "standard",
        "inference_geo": document.get("inference_geo", "global"),
    }
    written = json.dumps(document)
    if '"cache_control"' not in written:
        return usage
    seen = any(call is not exchange and call.body == exchange.body for call in provider.book)
    cached = exchange.input_tokens - 1
    usage["input_tokens"] = 1
    usage["cache_read_input_tokens" if seen else "cache_creation_input_tokens"] = cached
    hour = 0 if seen or '"1h"' not in written else cached
    short = 0 if seen else cached - hour
    usage["cache_creation"] = {
        "ephemeral_5m_input_tokens": short,
        "ephemeral_1h_input_tokens": hour,
    }
    return usage


def total(exchange: Exchange, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """What is only known at the end."""
    searches = sum(block["type"] == "server_tool_use" for block in blocks)
    tools = {"server_tool_use": {"web_search_requests": searches}} if searches else {}
    return {"output_tokens": exchange.output_tokens, **tools}


def content(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of the answer; the last one in pieces of one token each, and how it stops."""
    last, tools = document["messages"][-1], document.get("tools", [])
    prompt = text_of(last["content"])
    returned = isinstance(last["content"], list) and last["content"][0]["type"] == "tool_result"
    if tools and tools[0].get("type", "custom") == "custom" and not returned:
        written = json.dumps({"echo": prompt[:200]})
        call = {"type": "tool_use", "id": "toolu_demo", "name": tools[0]["name"], "input": {}}
        cuts = [written[at : at + 8] for at in range(0, len(written), 8)]
        return [{**call, "pieces": cuts, "stop": "tool_use"}]
    words = re.findall(r"\s*\S+", f"You said: {prompt}")[:256]
    answer = {"type": "text", "text": "", "pieces": words, "stop": "end_turn"}
    if not any(str(tool.get("type")).startswith("web_search") for tool in tools):
        return [answer]
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    return [{**use, "input": {"query": prompt}}, found, answer]


def joined(block: dict[str, Any], pieces: list[str]) -> dict[str, Any]:
    """The block that its pieces add up to."""
    if block["type"] == "text":
        return {**block, "text": "".join(pieces)}
    return {**block, "input": json.loads("".join(pieces))}


async def stream(
    provider: DemoProvider,
    exchange: FakeExchange,
    message: dict[str, Any],
    blocks: list[dict[str, Any]],
    pieces: list[str],
    stop: str,
) -> None:
    """Events as the API sends them; what was used in all is told last."""
    sse = "text/event-stream; charset=utf-8"
    await exchange.head(200, {"content-type": sse, "transfer-encoding": "chunked"})

    async def send(kind: str, **fields: Any) -> None:
        await provider.pace(exchange, exchange.events)
        data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
        await exchange.send(f"event: {kind}\ndata: {data}\n\n".encode())

    await send("message_start", message={**message, "content": [], "stop_reason": None})
    for index, block in enumerate(blocks):
        await send("content_block_start", index=index, content_block=block)
        if index == len(blocks) - 1:
            await send("ping")
            for piece in pieces:
                exchange.output_tokens += 1
                await send("content_block_delta", index=index, delta=delta(block, piece))
        await send("content_block_stop", index=index)
    ended = {"stop_reason": stop, "stop_sequence": None}
    usage = bend_usage(exchange.script.get("usage", ""), total(exchange, blocks))
    await send("message_delta", delta=ended, **({} if usage is ... else {"usage": usage}))
    await send("message_stop")
    if tail := exchange.packer.finish():
        await exchange.chunk(tail)
    await exchange.write(b"0\r\n\r\n")
    exchange.complete = True


def delta(block: dict[str, Any], piece: str) -> dict[str, Any]:
    """A piece of a block."""
    if block["type"] == "text":
        return {"type": "text_delta", "text": piece}
    return {"type": "input_json_delta", "partial_json": piece}
