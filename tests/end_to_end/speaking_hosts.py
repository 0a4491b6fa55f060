"""The fake provider as the hosts that speak OpenAI's formats, each with the habits of the real one.

    /as/NAME/...                                    the host NAME, whatever path it has them at
    /openai/deployments/NAME/chat/completions       Azure, where the path names the model
    /api/v4/..., /v1/...                            a server that is merely compatible

Owns: where a host tells its usage and what it adds to it, and which options it refuses.
Refuses to know: AEX, prices. HIDDEN output tokens are billed and not sent by hosts that do so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aex_addon.demo_provider import DemoProvider, Exchange

HIDDEN = 7
STATED_USD = 0.0021

_CHAT = re.compile(r"/as/([\w-]+)/[\w/.-]*chat/completions")
# Where the usage of a stream is told; the others tell it in a chunk of its own, if asked.
_IN_LAST_CHUNK = {"groq", "mistral", "together", "fireworks", "perplexity", "openrouter"}
# What a host answers with an error, as the real one does.
_REFUSES = {
    "mistral": ("stream_options", "max_completion_tokens"),
    "deepseek": ("max_completion_tokens",),
}


def speak(
    provider: DemoProvider,
) -> list[tuple[str, re.Pattern[str], Callable[[Exchange], Awaitable[None]]]]:
    """What the hosts' paths are answered by."""

    async def chats(exchange: Exchange) -> None:
        found = _CHAT.match(exchange.path)
        await chat(provider, exchange, found[1] if found else "plain")

    return [
        ("POST", _CHAT, chats),
        ("POST", re.compile(r"/openai/deployments/[\w-]+/chat/completions"), chats),
        ("POST", re.compile(r"/api/v4/chat/completions"), chats),
        ("GET", re.compile(r"/as/[\w-]+/[\w/.-]*models|/api/v4/models"), provider.free),
    ]


async def chat(provider: DemoProvider, exchange: Exchange, host: str) -> None:
    """A chat as this host answers it."""
    document = json.loads(exchange.body)
    for option in _REFUSES.get(host, ()):
        if option in document:
            await exchange.error(422, f"Extra inputs are not permitted: {option}")
            return
    if "model" not in document:  # Azure's path names it
        exchange.body = json.dumps({**document, "model": "deployed"}).encode()
    send, answer = exchange.event, exchange.answer
    wanted: list[dict[str, Any]] = []

    async def event(data: str) -> None:
        bent = _bent(provider, exchange, host, data)
        if host != "mistral" or (bent := _with_whole_calls(bent, wanted)):
            await send(bent)

    async def whole(status: int, data: bytes) -> None:
        if status == 200:
            found = json.loads(data)
            data = json.dumps({**found, "usage": _usage(provider, exchange, host)}).encode()
        await answer(status, data)

    setattr(exchange, "event", event)  # noqa: B010
    setattr(exchange, "answer", whole)  # noqa: B010
    await provider.chat(exchange)


def _bent(provider: DemoProvider, exchange: Exchange, host: str, data: str) -> str:
    """The event as this host sends it."""
    if data == "[DONE]":
        return data
    chunk = json.loads(data)
    ends = bool(chunk["choices"]) and chunk["choices"][0]["finish_reason"] is not None
    if not chunk["choices"]:
        chunk["usage"] = _usage(provider, exchange, host)
    elif host == "groq" and ends:
        chunk["x_groq"] = {"id": "req_1", "usage": _usage(provider, exchange, host)}
    elif host == "perplexity" and not ends:
        # Its running totals hold no money yet.
        chunk["usage"] = {**provider.usage(exchange), "cost": {"total_cost": 0}}
    elif host in _IN_LAST_CHUNK and ends:
        chunk["usage"] = _usage(provider, exchange, host)
    return json.dumps(chunk, ensure_ascii=False)


def _with_whole_calls(data: str, wanted: list[dict[str, Any]]) -> str:
    """The event with the call of a function in one piece, as Mistral sends it; "" before."""
    chunk = {} if data == "[DONE]" else json.loads(data)
    for choice in chunk.get("choices", ()):
        for piece in choice["delta"].get("tool_calls", ()):
            if "id" in piece:
                wanted.append(piece)
            else:
                wanted[-1]["function"]["arguments"] += piece["function"]["arguments"]
            return ""
        if wanted and choice["finish_reason"]:
            choice["delta"] = {"tool_calls": wanted}
            return json.dumps(chunk, ensure_ascii=False)
    return data


def _usage(provider: DemoProvider, exchange: Exchange, host: str) -> dict[str, Any]:
    """The whole usage, with what this host adds."""
    usage: dict[str, Any] = dict(provider.usage(exchange))
    if host == "deepseek":
        usage["prompt_cache_hit_tokens"] = usage["prompt_tokens"] // 2
    if host == "x-ai":
        usage["completion_tokens_details"] = {"reasoning_tokens": HIDDEN}
        usage["total_tokens"] += HIDDEN
    if host == "google":
        usage["total_tokens"] += HIDDEN
    if host == "openrouter":
        usage["cost"] = STATED_USD
    if host == "perplexity":
        usage["cost"] = {"total_cost": STATED_USD, "request_cost": STATED_USD}
    return usage
