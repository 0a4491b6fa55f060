"""A small agent on unmodified litellm, which its environment leads to AEX.

Owns: the calls that tests ask for. Refuses to know: AEX. See forking.py.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import litellm
from litellm.litellm_core_utils import get_model_cost_map as cost_map

TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"echo": {"type": "string"}}},
    },
}


def call(job: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call."""
    messages = [{"role": "user", "content": "Say three short wörds."}]
    return {"model": job["model"], "messages": messages, "max_tokens": 64, **job.get("more", {})}


def told(answer: Any) -> dict[str, Any]:
    """What an answer says, and what it counts."""
    usage = answer.usage
    return {
        "text": answer.choices[0].message.content,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
    }


def joined(chunks: list[Any]) -> dict[str, Any]:
    """What a stream came to."""
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    return {"text": "".join(texts), "chunks": len(chunks)}


def once(job: dict[str, Any]) -> Any:
    return told(litellm.completion(**call(job)))


def stream(job: dict[str, Any]) -> Any:
    return joined(list(litellm.completion(**call(job), stream=True)))


def together(job: dict[str, Any]) -> Any:
    """Its other half, on another HTTP library: a call and a stream."""

    async def ask() -> list[Any]:
        answer = told(await litellm.acompletion(**call(job)))
        chunks: Any = await litellm.acompletion(**call(job), stream=True)
        return [answer, joined([chunk async for chunk in chunks])]

    return asyncio.run(ask())


def tools(job: dict[str, Any]) -> Any:
    """A function is called, its result goes back, and there is an answer."""
    asked = {**call(job), "tools": [TOOL]}
    message: Any = litellm.completion(**asked).choices[0].message
    (wanted,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": wanted.id, "content": "found it"}
    turns = [*asked["messages"], message.model_dump(exclude_none=True), result]
    said = told(litellm.completion(**{**asked, "messages": turns}))
    return {"asked": [wanted.function.name, wanted.function.arguments], **said}


def embed(job: dict[str, Any]) -> Any:
    answer = litellm.embedding(model=job["model"], input=["one text", "two"])
    return [len(each["embedding"]) for each in answer.data]


def prices(job: dict[str, Any]) -> Any:
    """Where the list of prices comes from, if an import may fetch it, and whether there is one."""
    del os.environ["LITELLM_LOCAL_MODEL_COST_MAP"]
    found = cost_map.get_model_cost_map(url=litellm.model_cost_map_url)
    told: Any = cost_map.get_model_cost_map_source_info()
    return {"source": told["source"], "url": told["url"], "has": "gpt-4o-mini" in found}


WAYS = {each.__name__: each for each in (once, stream, together, tools, embed, prices)}
