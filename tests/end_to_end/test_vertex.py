"""The real Anthropic SDK for Vertex AI, and OpenAI's, at both doors and in several locations."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import anthropic
import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import OWN_KEY, TIMEOUT, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_anthropic")

NewAgent = Callable[..., Agent]
MODEL, PROJECT = "claude-haiku-4-5@20251001", "my-project"
SAID = "You said: Say three short wörds."
PROMPT: Any = [{"role": "user", "content": SAID.removeprefix("You said: ")}]
CALL: dict[str, Any] = {"model": MODEL, "max_tokens": 64, "messages": PROMPT}
TOOL: Any = {"name": "look_up", "input_schema": {"type": "object"}}
HOSTS = {
    "global": "aiplatform.googleapis.com",
    "us-east5": "us-east5-aiplatform.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}
COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage", "usage_source"),
)


def sdk(
    door: Door, agent: Agent, place: str = "global", **options: Any
) -> anthropic.AnthropicVertex:
    """The SDK as it is: it makes its own address of the location, unless it is told a base URL."""
    variables = {"CLOUD_ML_REGION": place}
    proxy = door.proxy(agent)
    if proxy is None:
        variables["ANTHROPIC_VERTEX_BASE_URL"] = f"{door.gateway.url}/vertex/v1"
    else:
        variables |= {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": door.ca_file}
    with mock.patch.dict(os.environ, clean_environment(variables), clear=True):
        token = door.key(agent)
        return anthropic.AnthropicVertex(
            project_id=PROJECT, access_token=token, timeout=TIMEOUT, **options
        )


def cost(call: ProviderCall, place: str) -> int:
    """A tenth more wherever the location is not the global one."""
    assert call.model == MODEL
    return call.cost("1", "5") * (10 if place == "global" else 11) // 10


def booked(door: Door, agent: Agent, call: ProviderCall, place: str) -> dict[str, Any]:
    """The agent's one row, which is what the provider billed."""
    row = settled_one(door.gateway, agent)
    assert (row["provider"], row["model"], row["stream"]) == ("google-vertex", MODEL, call.stream)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["reserved_nanousd"] >= row["actual_nanousd"] == cost(call, place) > 0
    return row


@pytest.mark.parametrize("place", HOSTS)
@pytest.mark.parametrize("stream", [False, True])
def test_claude(provider: Provider, door: Door, agent: Agent, place: str, stream: bool) -> None:
    """Whole and streamed, at the location's own host and prices, with the gateway's own token."""
    with sdk(door, agent, place) as client:
        if stream:
            with client.messages.stream(**CALL) as events:
                assert "".join(events.text_stream) == SAID
        else:
            assert client.messages.create(**CALL).content[0].text == SAID  # type: ignore[union-attr]
    (call,) = provider.calls()
    method = "streamRawPredict" if stream else "rawPredict"
    assert call.path.replace("%40", "@") == (
        f"/v1/projects/{PROJECT}/locations/{place}/publishers/anthropic/models/{MODEL}:{method}"
    )
    assert call.document["anthropic_version"]
    assert "model" not in call.document
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    assert agent.token not in f"{call.headers}{call.body}"
    assert OWN_KEY not in str(call.headers)
    booked(door, agent, call, place)


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A tool call goes both ways unharmed."""
    asked: Any = {**CALL, "tools": [TOOL], "stream": stream}
    with sdk(door, agent, "us-east5") as client:
        answer: Any = client.messages.create(**asked)
        told = [event.type for event in answer] if stream else [answer.stop_reason]
    assert told[-1] == ("message_stop" if stream else "tool_use")
    booked(door, agent, provider.calls()[0], "us-east5")


def test_counting_is_free(provider: Provider, door: Door, agent: Agent) -> None:
    """It passes, and costs nothing."""
    with sdk(door, agent) as client:
        assert client.messages.count_tokens(model=MODEL, messages=PROMPT).input_tokens > 0
    (call,) = provider.calls()
    assert call.path.endswith("/models/count-tokens:rawPredict")
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["reserved_nanousd"], row["actual_nanousd"]) == ("COMMITTED", 0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, stream: bool) -> None:
    """A call that does not fit is the SDK's own error after one attempt, its message intact."""
    agent = new_agent("0.000001")
    with sdk(door, agent, "us-east5") as client, pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(**CALL, stream=stream)
    assert raised.value.status_code == 402
    assert agent.name in raised.value.message
    (row,) = settled(door.gateway, agent)
    assert row["state"] == "DENIED"
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize(
    ("publisher", "model"),
    [("mistralai", "mistral-medium-3"), ("anthropic", "claude-3-opus@20240229")],
)
def test_what_is_not_metered(
    provider: Provider, door: Door, agent: Agent, publisher: str, model: str
) -> None:
    """Other makers' bodies are refused, and so is an hour's cache of models that have no price."""
    path = f"/v1/projects/p/locations/us-east5/publishers/{publisher}/models/{model}:rawPredict"
    cached = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    origin = door.origin(HOSTS["us-east5"], "/vertex")
    with door.client(agent, base_url=origin) as client:
        answer = client.post(path, json={"messages": PROMPT, "max_tokens": 9, **cached})
    assert answer.status_code == 403
    assert "not metered" in answer.text or "does not meter" in answer.text
    assert provider.calls() == []


@pytest.mark.parametrize("place", HOSTS)
def test_chat_completions(provider: Provider, door: Door, agent: Agent, place: str) -> None:
    """OpenAI's SDK, at the endpoint that speaks its format, whole and streamed."""
    path = f"/v1/projects/{PROJECT}/locations/{place}/endpoints/openapi"
    url = door.origin(HOSTS[place], "/vertex") + path
    asked: dict[str, Any] = {"model": "google/gemini-3.5-flash", "messages": PROMPT}
    with door.entered(agent):
        client = openai.OpenAI(base_url=url, api_key=door.key(agent), timeout=TIMEOUT)
    with client:
        whole = client.chat.completions.create(**asked, max_tokens=64)
        chunks: list[Any] = list(client.chat.completions.create(**asked, stream=True))
        with pytest.raises(openai.PermissionDeniedError, match="not metered"):
            client.chat.completions.create(model="meta/llama-3.3-70b-maas", messages=PROMPT)
    assert whole.choices[0].message.content == SAID
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
    rows = settled(door.gateway, agent, 3)
    share = 10 if place == "global" else 11
    assert [(row["model"], row["actual_nanousd"]) for row in rows[:2]] == [
        ("gemini-3.5-flash", call.cost("1.5", "9") * share // 10) for call in provider.calls()
    ]


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        for place in HOSTS:
            with sdk(door, agent, place) as client:
                client.messages.create(**CALL)
                list(client.messages.create(**CALL, stream=True))
        rows = settled(gateway, agent, 2 * len(HOSTS))
        told.append([{key: row[key] for key in COMPARED} for row in rows])
    assert told[0] == told[1]
