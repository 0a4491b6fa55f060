"""The fake provider speaks OpenAI Responses: whole, streamed, and the paths beside them.

Owns: one deterministic answer per request, the events it is streamed in, and its line in the book.
Refuses to know: AEX. Scripts mean what they mean for chat; an index is an event's number.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aex_addon.demo_provider import CREATED, DemoProvider, count_tokens, text_of
from tests.end_to_end.faults import bend_usage
from tests.end_to_end.speaking_hosts import HIDDEN, STATED_USD

SSE = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
Emit = Callable[[dict[str, Any]], Awaitable[None]]


def speak(provider: DemoProvider) -> list[Any]:
    """The paths of this API."""

    async def create(exchange: Any) -> None:
        await answer(provider, exchange, json.loads(exchange.body))

    async def compact(exchange: Any) -> None:
        document = json.loads(exchange.body)
        begin(exchange, document)
        exchange.output_tokens = 7
        item = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAAAA=="}
        whole = {"id": f"resp_{exchange.id}", "object": "response.compaction", "output": [item]}
        whole |= {"created_at": CREATED, "usage": usage(provider, exchange)}
        await exchange.answer(200, json.dumps(whole).encode())

    async def count(exchange: Any) -> None:
        tokens = input_tokens(json.loads(exchange.body))
        counted = {"object": "response.input_tokens", "input_tokens": tokens}
        await exchange.answer(200, json.dumps(counted).encode())

    return [
        ("POST", re.compile(r"(/v1|/backend-api/codex)/responses"), create),
        ("POST", re.compile(r"/as/[\w-]+/[\w/.-]*responses|/openai(/v1)?/responses"), create),
        ("POST", re.compile(r"/v1/responses/compact"), compact),
        ("POST", re.compile(r"/v1/responses/input_tokens"), count),
    ]


def begin(exchange: Any, document: dict[str, Any]) -> None:
    """The call's line in the book."""
    exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
    exchange.input_tokens = input_tokens(document)


def input_tokens(document: dict[str, Any]) -> int:
    """By the stand-in tokenizer; an earlier turn is a hundred tokens."""
    texts = [document.get("instructions") or "", json.dumps(document.get("tools") or "")]
    given = document.get("input") or ""
    texts.append(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))
    earlier = 100 if document.get("previous_response_id") else 0
    return sum(map(count_tokens, texts)) + earlier


def prompt_of(document: dict[str, Any]) -> str:
    """The text of the last thing that was said."""
    given = document.get("input") or ""
    if isinstance(given, str) or not given:
        return str(given or "")
    last = given[-1]
    return str(last["output"]) if "output" in last else text_of(last.get("content"))


def usage(provider: DemoProvider, exchange: Any) -> Any:
    """What is billed, in this API's words."""
    spoken = provider.usage(exchange)
    told: dict[str, Any] = {
        "input_tokens": spoken["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": spoken["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spoken["total_tokens"],
    }
    if exchange.path.startswith("/as/x-ai/"):
        # What it generates unseen is in the total alone.
        told["total_tokens"] += HIDDEN
    if exchange.path.startswith("/as/openrouter/"):
        told["cost"] = STATED_USD
    return told


def envelope(exchange: Any, status: str, output: list[Any], used: Any = None) -> dict[str, Any]:
    """A response object."""
    return {
        "id": f"resp_{exchange.id}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": exchange.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "service_tier": "default",
        "usage": used,
    }


def pieces_of(document: dict[str, Any]) -> tuple[dict[str, Any], str, list[str]]:
    """The one item of the answer while it is empty, the kind of its deltas, and the deltas."""
    prompt, tools = prompt_of(document), document.get("tools") or []
    given = document.get("input")
    last = given[-1] if isinstance(given, list) and given else {}
    answered = last.get("type") == "function_call_output"
    functions = [tool for tool in tools if tool["type"] == "function"]
    if functions and not answered and document.get("tool_choice") != "none":
        text = json.dumps({"echo": prompt[:200]})
        item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "arguments": ""}
        item |= {"name": functions[0]["name"], "status": "in_progress"}
        return item, "function_call_arguments", re.findall(r".{1,8}", text)
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    item["status"] = "in_progress"
    if (document.get("text") or {}).get("format", {}).get("type") == "json_schema":
        return item, "output_text", ['{"ech', 'o":', json.dumps(prompt[:200]), "}"]
    return item, "output_text", re.findall(r"\s*\S+", f"You said: {prompt}")[:256]


def whole_item(item: dict[str, Any], text: str) -> dict[str, Any]:
    """The item with all of its text."""
    done = {**item, "status": "completed"}
    if item["type"] == "function_call":
        return {**done, "arguments": text}
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {**done, "content": [part]}


async def events(
    provider: DemoProvider, exchange: Any, document: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """The events of the answer; a delta is in the book when it is handed out."""
    item, kind, pieces = pieces_of(document)
    cap = document.get("max_output_tokens") or len(pieces)
    kept = pieces[:cap] if document.get("generate") is not False else []
    yield {"type": "response.created", "response": envelope(exchange, "in_progress", [])}
    place = {"item_id": item["id"], "output_index": 0}
    if kept:
        yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    if kept and kind == "output_text":
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield {"type": "response.content_part.added", **place, "content_index": 0, "part": part}
    for piece in kept:
        exchange.output_tokens += 1
        delta = {"type": f"response.{kind}.delta", **place, "delta": piece}
        yield delta | ({"content_index": 0, "logprobs": []} if kind == "output_text" else {})
    done = whole_item(item, "".join(kept))
    if kept:
        yield {"type": "response.output_item.done", "output_index": 0, "item": done}
    status = "incomplete" if len(kept) < len(pieces) and kept else "completed"
    if not kept:
        exchange.input_tokens = 0
    last = envelope(exchange, status, [done] if kept else [], usage(provider, exchange))
    if status == "incomplete":
        last["incomplete_details"] = {"reason": "max_output_tokens"}
    # A whole answer is bent where it is sent.
    how = exchange.script.get("usage", "") if exchange.stream else ""
    bent = bend_usage(how, last.pop("usage"))
    if bent is not ...:
        last["usage"] = bent
    yield {"type": f"response.{status}", "response": last}


async def answer(provider: Any, exchange: Any, document: dict[str, Any]) -> None:
    """One response over HTTP."""
    begin(exchange, document)
    if exchange.stream:
        await exchange.head(200, SSE)
    whole: dict[str, Any] = {}
    async for event in events(provider, exchange, document):
        whole = event.get("response", {})
        if exchange.stream:
            await provider.pace(exchange, exchange.events)
            await send(exchange, event)
    if not exchange.stream:
        await exchange.answer(200, json.dumps(whole, ensure_ascii=False).encode())
        return
    if tail := exchange.packer.finish():
        await exchange.chunk(tail)
    await exchange.write(b"0\r\n\r\n")
    exchange.complete = True


async def send(exchange: Any, event: dict[str, Any]) -> None:
    """One event of a stream, cut as the script says."""
    number, exchange.events = exchange.events, exchange.events + 1
    named = {**event, "sequence_number": number}
    data = json.dumps(named, ensure_ascii=False)
    payload = f"event: {event['type']}\ndata: {data}\n\n".encode()
    if exchange.cut_at(number):
        if exchange.script["cut"].get("mid"):
            await exchange.chunk(exchange.packer.process(payload[: len(payload) // 2]))
        exchange.break_off()
    await exchange.chunk(exchange.packer.process(payload) + exchange.packer.flush())
