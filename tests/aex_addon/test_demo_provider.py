"""The demo provider answers as OpenAI does, and its bill book says what it generated."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import openai
import pytest

from aex_addon.demo_provider import DemoProvider, count_tokens

KEY = "sk-demo"
PROMPT = [{"role": "user", "content": "one two thrée"}]
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


@asynccontextmanager
async def demo(key: str = KEY) -> AsyncIterator[tuple[DemoProvider, openai.AsyncOpenAI]]:
    """A running provider and the real SDK pointed at it."""
    provider = DemoProvider(KEY)
    url = f"http://127.0.0.1:{await provider.start()}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as sdk:
        yield provider, sdk
    await provider.stop()


async def chat(sdk: openai.AsyncOpenAI, **options: Any) -> Any:
    return await sdk.chat.completions.create(
        **{"model": "gpt-4o-mini", "messages": PROMPT, **options}
    )


async def test_json_answer_is_deterministic_and_billed() -> None:
    """Equal prompts get equal answers, whose usage is what the book says."""
    async with demo() as (provider, sdk):
        first, second = await chat(sdk), await chat(sdk)
    assert first.choices[0].message.content == "You said: one two thrée"
    assert second.choices == first.choices
    assert [(line.input_tokens, line.output_tokens) for line in provider.book] == [(4, 5)] * 2
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (4, 5)
    assert all(line.complete and line.status == 200 for line in provider.book)


@pytest.mark.parametrize("asked", [False, True])
async def test_stream_reports_usage_only_if_asked(asked: bool) -> None:
    """Usage is an extra last chunk without choices, and null before; absent if not asked for."""
    options = {"stream_options": {"include_usage": True}} if asked else {}
    async with demo() as (_, sdk):
        chunks = [chunk async for chunk in await chat(sdk, stream=True, **options)]
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "You said: one two thrée"
    assert sum(not chunk.choices for chunk in chunks) == asked
    assert all(chunk.usage is None for chunk in chunks if chunk.choices)
    assert all(("usage" in chunk.model_fields_set) == asked for chunk in chunks)
    if asked:
        assert chunks[-1].usage.total_tokens == 9


@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
async def test_output_is_capped(cap: str, stream: bool) -> None:
    """A cap holds per choice, and the finish reason says so."""
    async with demo() as (provider, sdk):
        answer = await chat(sdk, stream=stream, n=2, **{cap: 3})
        parts = [part async for part in answer] if stream else [answer]
    reasons = [choice.finish_reason for part in parts for choice in part.choices]
    assert [reason for reason in reasons if reason] == ["length", "length"]
    assert provider.book[0].output_tokens == 6


async def test_tools_are_called_with_the_prompt() -> None:
    """With tools the answer is a call of the first; streamed arguments add up to the same."""
    async with demo() as (_, sdk):
        whole = await chat(sdk, tools=[TOOL])
        chunks = [c async for c in await chat(sdk, tools=[TOOL], stream=True)]
    call = whole.choices[0].message.tool_calls[0].function
    assert (call.name, json.loads(call.arguments)) == ("look_up", {"echo": "one two thrée"})
    calls = [c.choices[0].delta.tool_calls or [] for c in chunks]
    assert "".join(item.function.arguments for each in calls for item in each) == call.arguments


async def test_embeddings_and_lists() -> None:
    """Embeddings bill input only; the free paths answer lists and bill nothing."""
    async with demo() as (provider, sdk):
        answer = await sdk.embeddings.create(
            model="text-embedding-3-small", input=["abcd", "efghi"]
        )
        models = [model.id async for model in sdk.models.list()]
    assert [len(item.embedding) for item in answer.data] == [8, 8]
    assert answer.usage.prompt_tokens == 3
    assert "gpt-4o-mini" in models
    assert [line.input_tokens for line in provider.book] == [3, 0]
    assert all(line.output_tokens == 0 for line in provider.book)


async def test_errors_have_the_shape_of_openai() -> None:
    """A wrong key, an unknown path and a useless body raise the SDK's own exceptions."""
    async with demo("sk-wrong") as (_, sdk):
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            await chat(sdk)
    async with demo() as (provider, sdk):
        with pytest.raises(openai.NotFoundError):
            await sdk.get("/elsewhere", cast_to=object)
        bodies: list[Any] = [
            [],
            {"model": "m"},
            {"messages": PROMPT},
            {"model": "m", "messages": [1]},
        ]
        for body in bodies:
            with pytest.raises(openai.BadRequestError):
                await sdk.post("/chat/completions", body=body, cast_to=object)
    assert all(line.output_tokens == 0 for line in provider.book)


async def test_what_was_generated_is_billed_when_the_client_hangs_up() -> None:
    """A client that leaves after the first pieces is billed for them, and not for the rest."""
    provider = DemoProvider(pause=0.01)
    port = await provider.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "m", "stream": True, "messages": [{"content": "w " * 200}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write((head + body).encode())
    await reader.readuntil(b"said:")
    writer.transport.abort()
    with suppress(ConnectionError):
        await provider.book[0].writer.wait_closed()
    await provider.stop()
    assert 2 <= provider.book[0].output_tokens < 202
    assert not provider.book[0].complete


async def test_a_body_in_chunks_is_read_whole() -> None:
    """A request whose body comes in chunks is answered as any other, on a reused connection."""
    provider = DemoProvider()
    port = await provider.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "m", "input": "abcd"}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:], b""))
    for _ in range(2):
        head = b"POST /v1/embeddings HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + chunks)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in answer
        await reader.readexactly(int(answer.partition(b"content-length: ")[2].split()[0]))
    writer.close()
    await provider.stop()
    assert [line.input_tokens for line in provider.book] == [1, 1]


def test_runs_as_a_module() -> None:
    """The first line of output is JSON with the port."""
    command = [sys.executable, "-m", "aex_addon.demo_provider", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}/v1/models"
        answer = httpx.get(url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
        process.terminate()
    assert answer.status_code == 200


@pytest.mark.parametrize("text", ["", "a", "abcd", "abcde", "ключ", "\ud800"])
def test_tokens_never_exceed_bytes(text: str) -> None:
    """The stand-in tokenizer keeps the law that a token is at least one byte."""
    size = len(text.encode(errors="replace"))
    assert count_tokens(text) == -(-size // 4) <= size
