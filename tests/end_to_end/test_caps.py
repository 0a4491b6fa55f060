"""Caps at both doors: no format, no spelling and no connection is a way around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.books import nothing_reserved, settled
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.lines import line
from tests.end_to_end.prompts import CHAT, CHAT_PATH
from tests.end_to_end.test_delegation import delegate
from tests.end_to_end.upstream import Provider
from tests.providers.asking import FLAT, FUNCTION, WAYS, Way

pytestmark = pytest.mark.xdist_group("end_to_end_caps")

NewAgent = Callable[..., Agent]
FORBIDS = {
    "function": ("--no-function-calling", "function_calling_not_allowed"),
    "server": ("--allow-tool=lookup", "tool_not_allowed"),
    "image": ("--no-vision", "vision_not_allowed"),
    "audio": ("--no-audio", "audio_not_allowed"),
    "document": ("--no-documents", "documents_not_allowed"),
    "stream": ("--no-streaming", "streaming_not_allowed"),
}
# Those whose keys a gateway has without more ado; the others' calls are in test_asked.py.
ASKED = [way for way in WAYS if way.provider not in ("aws", "google-vertex")]
UPLOAD = {"purpose": (None, "batch")}


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One that lets a provider run its own tools, so that only caps are in the way."""
    made = Gateway(tmp_path_factory.mktemp("gateway") / "home", provider_process.url)
    made.write_config(f"server_calls_max = 3\n{made.config.read_text()}")
    yield made.start()
    made.stop()


def post(door: Door, agent: Agent, way: Way, feature: str = "") -> tuple[int, str]:
    """Status and body of the answer."""
    path, body = way.sent(feature)
    host = way.host if door.name == "proxy" else ""
    with door.client(agent, base_url=door.origin(host, way.prefix)) as client:
        answer = client.post(path, json=body)
    return answer.status_code, answer.text


def reached(door: Door) -> list[Way]:
    """A local server has no name that the proxy's door would govern."""
    return [way for way in ASKED if way.provider != "ollama" or door.name == "base_url"]


@pytest.mark.parametrize("kind", FORBIDS)
def test_no_way_around(provider: Provider, door: Door, new_agent: NewAgent, kind: str) -> None:
    """In every API and in every spelling what is forbidden is a 403, and nothing leaves."""
    flag, code = FORBIDS[kind]
    agent, count = new_agent("50", 0, flag), 0
    for way in reached(door):
        for feature in way.asks:
            if feature.partition(" ")[0] == kind:
                status, text = post(door, agent, way, feature)
                assert (status, code in text) == (403, True), (way.name, feature, text)
                assert f"aex agent limits {agent.name} --" in text
                count += 1
    assert provider.calls() == []
    found = settled(door.gateway, agent, count)
    assert {(row["state"], row["status_code"]) for row in found} == {("DENIED", 403)}
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--allow-model", "o1*", "--allow-model", "claude-opus-*"), "model_not_allowed"),
        (("--max-input-tokens", "1"), "input_tokens_above_cap"),
        (("--max-total-tokens", "1"), "total_tokens_above_cap"),
        (("--strict",), "model_not_allowed"),
    ],
)
def test_every_format_is_held(
    provider: Provider, door: Door, new_agent: NewAgent, flags: tuple[str, ...], code: str
) -> None:
    """The caps that are about any call hold in every API."""
    agent = new_agent("50", 0, *flags)
    for way in reached(door):
        if way.name != "openai_speech" or "tokens" not in code:
            status, text = post(door, agent, way)
            assert (status, code in text) == (403, True), (way.name, text)
    assert provider.calls() == []


def test_what_is_allowed_passes(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """An agent in strict mode does what it was granted by name, its output made smaller."""
    flags = ("--strict", "--allow-model", "gpt-4o-mini", "--allow-tool", "look*", "--streaming")
    agent = new_agent("5", 0, *flags, "--max-output-tokens", "20")
    asked = {**CHAT, "model": "gpt-4o-mini-2024-07-18", "tools": [FUNCTION], "max_tokens": 64}
    with door.client(agent) as client:
        assert client.post(CHAT_PATH, json=asked).status_code == 200
        assert client.get("/models").status_code == 200
    sent = next(call for call in provider.calls() if call.method == "POST").document
    assert (sent["max_tokens"], sent["tools"]) == (20, [FUNCTION])


def test_limits_change_at_once(provider: Provider, door: Door, agent: Agent) -> None:
    """A running gateway holds the next call to what the operator has just said, and the log holds
    who said it."""
    gateway = door.gateway
    with door.client(agent) as client:
        assert client.post(CHAT_PATH, json=CHAT).status_code == 200
        gateway.json("agent", "limits", agent.name, "--allow-model", "o1*")
        denied = client.post(CHAT_PATH, json=CHAT)
        assert (denied.status_code, denied.json()["error"]["code"]) == (403, "model_not_allowed")
        shown = gateway.json("agent", "limits", agent.name, "--uncap", "models", "--no-tools")
        assert shown["caps"] == gateway.inspect(agent)["caps"] == {"tools": False}
        assert client.post(CHAT_PATH, json=CHAT).status_code == 200
    assert len(provider.calls()) == 2
    assert gateway.audit_passes()


def test_a_message_is_held_too(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Each message of a WebSocket is a call; what a session was told before counts for it."""
    agent = new_agent("50", 0, "--no-function-calling")
    create = {"type": "response.create", "model": "gpt-4o-mini", "input": "hi", "tools": [FLAT]}
    with line(door, agent, "/responses") as ws:
        ws.send(json.dumps({**create, "max_output_tokens": 64}))
        assert "function_calling_not_allowed" in str(ws.recv())
    with line(door, agent, "/realtime?model=gpt-realtime") as ws:
        assert json.loads(ws.recv())["type"] == "session.created"
        session = {"type": "realtime", "tools": [FLAT]}
        ws.send(json.dumps({"type": "session.update", "session": session}))
        ws.send(json.dumps({"type": "response.create"}))
        told: list[str] = []
        while not told or '"error"' not in told[-1]:
            told.append(str(ws.recv()))
        assert "function_calling_not_allowed" in told[-1]
    silent = new_agent("50", 0, "--no-streaming")
    with line(door, silent, "/responses") as ws:
        ws.send(json.dumps({**create, "max_output_tokens": 64}))
        assert "streaming_not_allowed" in str(ws.recv())
    assert [call for call in provider.calls() if call.method == "MESSAGE"] == []


def test_a_line_of_a_batch_is_held_too(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """One tool in one line of a file is in the batch that is begun of it."""
    agent = new_agent("50", 0, "--no-tools")
    with door.client(agent) as client:
        for tools, status in (([], 200), ([FUNCTION], 403)):
            bodies: list[dict[str, Any]] = [CHAT, {**CHAT, "tools": tools} if tools else CHAT]
            lines = [
                {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body}
                for n, body in enumerate(bodies)
            ]
            data = "\n".join(map(json.dumps, lines)).encode()
            files = {**UPLOAD, "file": ("calls.jsonl", data)}
            made = client.post("/files", files=files).json()["id"]
            begun = client.post(
                "/batches",
                json={
                    "input_file_id": made,
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                },
            )
            assert begun.status_code == status, begun.text
            assert status == 200 or begun.json()["error"]["code"] == "tools_not_allowed"
    assert [call.path for call in provider.calls()].count("/v1/batches") == 1


def test_a_sub_agent_gets_no_more(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A run is held to the agent's caps and to its own, whatever its own say."""
    agent = new_agent("5", 0, "--no-tools")
    wish = {"tools": True, "function_calling": True, "max_output_tokens": 20}
    made = delegate(door.gateway, agent.token, budget_usd="1", caps=wish).json()
    odd = delegate(door.gateway, agent.token, budget_usd="1", caps={"model": ["x"]})
    assert (odd.status_code, "there is no cap 'model'" in odd.text) == (403, True)
    sub = Agent(agent.name, made["token"], 0)
    with door.client(sub) as client:
        tool = client.post(CHAT_PATH, json={**CHAT, "tools": [FUNCTION]})
        assert tool.json()["error"]["code"] == "tools_not_allowed"
        assert client.post(CHAT_PATH, json={**CHAT, "max_tokens": 64}).status_code == 200
    (call,) = provider.calls()
    assert call.document["max_tokens"] == 20


@pytest.mark.parametrize("door_of", ["proxy"], indirect=True)
def test_an_agents_own_key_is_a_grant(
    provider: Provider,
    new_gateway: Callable[[], Gateway],
    door_of: Callable[[Gateway], Door],
) -> None:
    """Where the agent's own key goes out, only an agent that may use one gets through."""
    gateway = new_gateway()
    own = gateway.config.read_text().replace('api_key_env = "OPENAI_API_KEY"', "", 1)
    gateway.write_config(
        own.replace('[providers."openai"]', '[providers."openai"]\ncredentials = "agent"')
    )
    gateway.start()
    door = door_of(gateway)
    plain, barred = gateway.create_agent(), gateway.create_agent("5", 0, "--no-passthrough")
    with door.client(barred) as client:
        denied = client.post(CHAT_PATH, json=CHAT)
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "passthrough_not_allowed")
    assert provider.calls() == []
    with door.client(plain) as client:
        client.post(CHAT_PATH, json=CHAT)
    (call,) = provider.calls()
    assert call.header("authorization") == f"Bearer {OWN_KEY}"
