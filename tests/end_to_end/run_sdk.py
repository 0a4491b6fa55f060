"""SDKs of Python, unmodified, told nothing but by their environment; run by test_run_clients.py.

Owns: a call, a stream and a call that is denied with each SDK that the arguments name, told as one
JSON document: the text, the pieces, and what the denial was raised as; or what the call raised.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

GPT, CLAUDE, GEMINI = "gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"
CAP: dict[str, Any] = {"max_tokens": 64}

# What asks for a whole answer, and what gives the pieces of a stream.
Ways = tuple[Callable[[str], str], Callable[[str], Iterable[str]]]


def said(text: str) -> dict[str, Any]:
    """The prompt as the APIs of OpenAI and Anthropic take it."""
    return {"messages": [{"role": "user", "content": text}], **CAP}


def by_openai() -> Ways:
    import openai

    ask = openai.OpenAI().chat.completions.create

    def once(text: str) -> str:
        return ask(model=GPT, **said(text)).choices[0].message.content or ""

    def stream(text: str) -> Iterable[str]:
        for chunk in ask(model=GPT, stream=True, **said(text)):
            yield from (choice.delta.content or "" for choice in chunk.choices)

    return once, stream


def by_anthropic() -> Ways:
    import anthropic

    messages = anthropic.Anthropic().messages

    def once(text: str) -> str:
        return "".join(each.text for each in messages.create(model=CLAUDE, **said(text)).content)

    def stream(text: str) -> Iterable[str]:
        with messages.stream(model=CLAUDE, **said(text)) as pieces:
            yield from pieces.text_stream

    return once, stream


def by_genai() -> Ways:
    from google import genai

    client = genai.Client()
    options: Any = {"model": GEMINI, "config": {"max_output_tokens": 64}}

    def once(text: str) -> str:
        return client.models.generate_content(contents=text, **options).text or ""

    def stream(text: str) -> Iterable[str]:
        for chunk in client.models.generate_content_stream(contents=text, **options):
            yield chunk.text or ""

    return once, stream


def by_litellm() -> Ways:
    """Its streams by its other half, which has another HTTP library."""
    import litellm

    def once(text: str) -> str:
        answer: Any = litellm.completion(model=f"openai/{GPT}", **said(text))
        return str(answer.choices[0].message.content)

    def stream(text: str) -> Iterable[str]:
        async def pieces() -> list[Any]:
            asked: Any = await litellm.acompletion(model=GPT, stream=True, **said(text))
            return [chunk async for chunk in asked]

        return [chunk.choices[0].delta.content or "" for chunk in asyncio.run(pieces())]

    return once, stream


def by_langchain() -> Ways:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=GPT, **CAP)

    def once(text: str) -> str:
        return str(model.invoke(text).text)

    def stream(text: str) -> Iterable[str]:
        return [str(chunk.text) for chunk in model.stream(text)]

    return once, stream


def calls(sdk: str) -> dict[str, Any]:
    """What the three calls came to."""
    once, stream = globals()[f"by_{sdk}"]()
    try:
        whole = once("Say it.")
    except Exception as error:
        return {"failed": type(error).__name__}
    pieces = list(stream("Say it."))
    told: dict[str, Any] = {"json": whole, "text": "".join(pieces), "pieces": len(pieces)}
    try:
        once("word " * 5000)
    except Exception as error:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        told |= {"denied": [status, str(error)], "raised": type(error).__name__}
    return told


if __name__ == "__main__":
    # What an SDK prints goes where errors go.
    told, sys.stdout = sys.stdout, sys.stderr
    told.write(json.dumps({sdk: calls(sdk) for sdk in sys.argv[1:]}))
