"""The real SDK, unmodified, at both doors: every kind of call is metered to the token."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH, MODEL, PROMPT, STREAM, TOOL
from tests.end_to_end.upstream import Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_both_doors")


COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage", "usage_source"),
)


def check_told(door: Door, agent: Agent, call: ProviderCall, **expected: Any) -> None:
    """What `aex executions list` tells of the agent's one call."""
    (row,) = door.gateway.executions(agent)
    wanted = {
        "agent": agent.name,
        "provider": "openai",
        "model": call.model,
        "door": door.booked_as,
        "stream": call.stream,
        "state": "COMMITTED",
        "status_code": 200,
        "usage_source": "provider",
        **expected,
    }
    assert {key: row[key] for key in wanted} == wanted
    assert row["reserved_nanousd"] >= row["actual_nanousd"]
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert row["usage"].get("output_tokens", 0) == call.output_tokens
    assert row["created_at"] <= row["terminal_at"]
    assert row["execution_id"]
    assert row["endpoint"]


@pytest.mark.parametrize("model", [MODEL, "my-model"])
def test_json(provider: Provider, door: Door, agent: Agent, model: str) -> None:
    """A JSON call costs what the provider bills, with catalogue prices or with the config's."""
    with door.sdk(agent) as sdk:
        answer = sdk.chat.completions.create(model=model, messages=PROMPT)
    assert answer.choices[0].message.content == "You said: Say three short wörds."
    (call,) = provider.calls()
    settled_one(door.gateway, agent)
    check_told(door, agent, call, model=model, actual_nanousd=call.cost())
    told = door.gateway.inspect(agent)
    assert told["spent_nanousd"] == call.cost() > 0
    assert told["reserved_nanousd"] == 0
    assert told["remaining_nanousd"] == agent.budget_nanousd - call.cost()


@pytest.mark.parametrize("asked", [False, True])
def test_stream(provider: Provider, door: Door, agent: Agent, asked: bool) -> None:
    """A stream is metered by the provider's usage, which only a client that asked gets to see."""
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    with door.sdk(agent) as sdk:
        chunks = list(sdk.chat.completions.create(**STREAM, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: Say three short wörds."
    assert [chunk.usage is not None for chunk in chunks].count(True) == asked
    assert [not chunk.choices for chunk in chunks].count(True) == asked
    (call,) = provider.calls()
    assert call.document["stream_options"]["include_usage"] is True
    settled_one(door.gateway, agent)
    check_told(door, agent, call, actual_nanousd=call.cost(), stream=True)


def test_async(provider: Provider, door: Door, agent: Agent) -> None:
    """The async SDK with calls in parallel: each is one execution, each has its own bill."""

    async def scenario() -> None:
        async with door.async_sdk(agent) as sdk:
            stream = await sdk.chat.completions.create(**STREAM)
            answers = [sdk.chat.completions.create(**CHAT) for _ in range(3)]
            chunks = [chunk async for chunk in stream]
            assert len(chunks) == 8
            assert all(answer.choices for answer in await asyncio.gather(*answers))

    asyncio.run(scenario())
    found = settled(door.gateway, agent, 4)
    assert sorted(row["actual_nanousd"] for row in found) == sorted(
        call.cost() for call in provider.calls()
    )
    assert sum(row["stream"] for row in found) == 1


@pytest.mark.parametrize("many", [False, True])
def test_embeddings(provider: Provider, door: Door, agent: Agent, many: bool) -> None:
    """Embeddings cost their input, and nothing is reserved for an output that cannot be."""
    text = "one text to embed, with some wörds"
    with door.sdk(agent) as sdk:
        model, given = "text-embedding-3-small", [text, "and another"] if many else text
        answer = sdk.embeddings.create(model=model, input=given)
    assert [len(item.embedding) for item in answer.data] == [8] * (2 if many else 1)
    (call,) = provider.calls()
    row = settled_one(door.gateway, agent)
    cost = call.cost("0.02", "0")
    check_told(door, agent, call, actual_nanousd=cost)
    assert cost <= row["reserved_nanousd"] <= 20 * len(call.body.encode())


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A tool call passes unchanged, and its arguments are metered as output."""
    with door.sdk(agent) as sdk:
        answer = sdk.chat.completions.create(**{**CHAT, "tools": [TOOL], "stream": stream})
        messages = (
            [chunk.choices[0].delta for chunk in answer if chunk.choices]
            if stream
            else [answer.choices[0].message]
        )
    calls = [call.function for message in messages for call in message.tool_calls or []]
    assert calls[0].name == "look_up"
    assert "Say three short w" in "".join(call.arguments for call in calls)
    (call,) = provider.calls()
    assert settled_one(door.gateway, agent)["actual_nanousd"] == call.cost()


def test_choices_multiply_the_output(provider: Provider, door: Door, agent: Agent) -> None:
    """With `n` the reserve covers each choice, and the bill is what all of them took."""
    with door.sdk(agent) as sdk:
        answer = sdk.chat.completions.create(**CHAT, n=4)
    assert len(answer.choices) == 4
    (call,) = provider.calls()
    row = settled_one(door.gateway, agent)
    assert row["actual_nanousd"] == call.cost()
    assert row["reserved_nanousd"] >= 4 * 64 * 600


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/models"), ("GET", "/files"), ("POST", "/traces/ingest")]
)
def test_free_paths(provider: Provider, door: Door, agent: Agent, method: str, path: str) -> None:
    """A path that is known to be free passes with the real key, recorded at zero cost."""
    with door.sdk(agent) as sdk:
        body: Any = {"data": []} if method == "POST" else None
        answer: Any = (
            sdk.post(path, body=body, cast_to=object) if body else sdk.get(path, cast_to=object)
        )
    assert answer["object"] == "list"
    (call,) = provider.calls()
    assert (call.method, call.path, call.status) == (method, f"/v1{path}", 200)
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["actual_nanousd"], row["reserved_nanousd"]) == ("COMMITTED", 0, 0)
    assert row["status_code"] == 200


@pytest.mark.parametrize("path", ["/images/generations", "/images/variations", "/some/new/thing"])
def test_unmetered_paths(provider: Provider, door: Door, agent: Agent, path: str) -> None:
    """A path that could cost and is not metered is refused, and recorded as denied."""
    with door.sdk(agent) as sdk, pytest.raises(openai.PermissionDeniedError) as raised:
        sdk.post(path, body={"model": MODEL, "prompt": "x"}, cast_to=object)
    assert raised.value.body
    assert provider.calls() == []
    (row,) = settled(door.gateway, agent)
    assert row["state"] == "DENIED"
    assert nothing_reserved(door.gateway, agent)


def test_a_provider_error_passes(provider: Provider, door: Door, agent: Agent) -> None:
    """The provider's own refusal reaches the SDK as it is, and costs nothing."""
    error = '{"error":{"message":"No such thing.","type":"invalid_request_error","code":"x"}}'
    provider.script(status=400, body=error)
    with door.sdk(agent) as sdk, pytest.raises(openai.BadRequestError, match="No such thing"):
        sdk.chat.completions.create(**CHAT)
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["status_code"]) == ("RELEASED", 400)


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with door.sdk(agent, max_retries=0) as sdk:
            sdk.chat.completions.create(**CHAT)
            list(sdk.chat.completions.create(**STREAM))
            sdk.embeddings.create(model="text-embedding-3-small", input="abc")
            sdk.models.list()
            with pytest.raises(openai.APIStatusError):
                sdk.chat.completions.create(model="no-such-model", messages=PROMPT)
            with pytest.raises(openai.APIStatusError):
                sdk.post(CHAT_PATH, body=[], cast_to=object)
            provider.script(status=500)
            with pytest.raises(openai.InternalServerError):
                sdk.chat.completions.create(**CHAT)
            provider.script()
        settled(gateway, agent, 7)
        rows = gateway.executions(agent)
        told.append([{key: row[key] for key in COMPARED} for row in rows])
        assert {row["door"] for row in rows} == {door.booked_as}
    assert told[0] == told[1]
