"""A small agent on unmodified pydantic-ai, which its environment leads to AEX.

Owns: the runs that tests ask for. Refuses to know: AEX. See forking.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

PROMPT = "Say three short wörds."
MODELS: dict[str, Any] = {
    "chat": OpenAIChatModel,
    "responses": OpenAIResponsesModel,
    "messages": AnthropicModel,
}


def agent(job: dict[str, Any], tools: bool = False) -> Agent[None, str]:
    """One on the API that the job names."""
    made: Agent[None, str] = Agent(
        MODELS[job["api"]](job["model"]), model_settings={"max_tokens": 64}
    )
    if tools:
        made.tool_plain(look_up)
    return made


def look_up(echo: str) -> str:
    """Looks something up."""
    return f"found {echo}"


def told(result: Any) -> dict[str, Any]:
    """What a run said, and what it counts."""
    usage = result.usage() if callable(result.usage) else result.usage
    return {
        "text": result.output,
        "usage": [usage.input_tokens, usage.output_tokens],
        "requests": usage.requests,
    }


def once(job: dict[str, Any]) -> Any:
    return told(agent(job).run_sync(PROMPT))


def tools(job: dict[str, Any]) -> Any:
    """A run that calls a tool and then answers."""
    return told(agent(job, tools=True).run_sync(PROMPT))


def stream(job: dict[str, Any]) -> Any:
    """The pieces of a streamed run."""

    async def ask() -> Any:
        async with agent(job).run_stream(PROMPT) as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
        usage = result.usage() if callable(result.usage) else result.usage
        counts = [usage.input_tokens, usage.output_tokens]
        return {"text": "".join(pieces), "chunks": len(pieces), "usage": counts}

    return asyncio.run(ask())


WAYS = {each.__name__: each for each in (once, tools, stream)}
