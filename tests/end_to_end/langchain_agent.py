"""A small agent on unmodified langchain-openai, which its environment leads to AEX.

Owns: the calls that tests ask for. Refuses to know: AEX. See forking.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

PROMPT = "Say three short wörds."


@tool
def look_up(echo: str) -> str:
    """Looks something up."""
    return f"found {echo}"


def model(job: dict[str, Any]) -> ChatOpenAI:
    """As the job has it: `use_responses_api`, `stream_usage`."""
    return ChatOpenAI(model="gpt-4o-mini", max_tokens=64, **job.get("more", {}))


def told(message: Any) -> dict[str, Any]:
    """What a message says, and what it counts."""
    usage = message.usage_metadata
    counts = [usage["input_tokens"], usage["output_tokens"]] if usage else None
    return {"text": message.text, "usage": counts}


def joined(chunks: list[Any]) -> dict[str, Any]:
    """What a stream came to."""
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return {**told(whole), "chunks": len(chunks)}


def once(job: dict[str, Any]) -> Any:
    return told(model(job).invoke(PROMPT))


def stream(job: dict[str, Any]) -> Any:
    return joined(list(model(job).stream(PROMPT)))


def together(job: dict[str, Any]) -> Any:
    """Its other half: a call and a stream."""

    async def ask() -> list[Any]:
        chat = model(job)
        return [
            told(await chat.ainvoke(PROMPT)),
            joined([chunk async for chunk in chat.astream(PROMPT)]),
        ]

    return asyncio.run(ask())


def tools(job: dict[str, Any]) -> Any:
    """A function is called, its result goes back, and there is an answer."""
    chat: Any = model(job).bind_tools([look_up])
    turns: list[Any] = [HumanMessage(PROMPT)]
    asked = chat.invoke(turns)
    (wanted,) = asked.tool_calls
    result = ToolMessage(look_up.invoke(wanted["args"]), tool_call_id=wanted["id"])
    return {"asked": wanted["name"], **told(chat.invoke([*turns, asked, result]))}


def embed(job: dict[str, Any]) -> Any:
    return list(map(len, OpenAIEmbeddings(model=job["model"]).embed_documents(["one", "two"])))


WAYS = {each.__name__: each for each in (once, stream, together, tools, embed)}
