"""Policy at both doors: rules and plugins hold in every API, and a reload changes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.aex_addon.governed import put
from tests.end_to_end.books import nothing_reserved, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.lines import line
from tests.end_to_end.prompts import CHAT, CHAT_PATH
from tests.end_to_end.test_caps import UPLOAD, post, reached
from tests.end_to_end.upstream import Provider
from tests.providers.asking import FUNCTION

pytestmark = pytest.mark.xdist_group("end_to_end_policy")

NewAgent = Callable[..., Agent]
RULES = """
[policy]
deadline_ms = 20000
[[rules]]
name = "no tools"
tools = ["*"]
[[rules]]
name = "watched"
mode = "shadow"
models = ["gpt-4o-mini*"]
reason = "a small one"
"""
PLUGIN = """
if "gpt-4o-2024-08-06" in context["models"][0]:
    return {"decision": "deny", "reason": "the large one"}
return {"decision": "abstain", "patch": {"max_output_tokens": 20}}
"""


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One that lets a provider run its own tools, so that only the policy is in the way."""
    made = Gateway(tmp_path_factory.mktemp("gateway") / "home", provider_process.url)
    put(made.home, {"a.py": f"if not context['models']: return {{'decision': 'abstain'}}{PLUGIN}"})
    made.write_config(f"server_calls_max = 3\n{made.config.read_text()}{RULES}")
    yield made.start()
    made.stop()


def test_a_rule_holds_in_every_format(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A tool, under whichever name an API has for it, is a 403, and nothing leaves."""
    agent, count = new_agent("50", 0), 0
    for way in reached(door):
        for feature in way.asks:
            if feature.partition(" ")[0] in ("function", "server"):
                status, text = post(door, agent, way, feature)
                assert (status, "rule no tools" in text) == (403, True), (way.name, feature, text)
                count += 1
    assert count > 10
    assert provider.calls() == []
    found = settled(door.gateway, agent, count)
    assert {(row["state"], row["status_code"]) for row in found} == {("DENIED", 403)}
    assert nothing_reserved(door.gateway, agent)


def test_a_plugin_decides_and_shadow_is_shown(provider: Provider, door: Door, agent: Agent) -> None:
    """The SDK raises its own error for a denial; what passes is patched, and marked by shadow."""
    with door.sdk(agent) as sdk:
        with pytest.raises(openai.PermissionDeniedError, match="the large one"):
            sdk.chat.completions.create(**{**CHAT, "model": "gpt-4o-2024-08-06"})
        sdk.chat.completions.create(**CHAT)
    (sent,) = provider.calls()
    assert sent.document["max_tokens"] == 20
    denied, passed = settled(door.gateway, agent, 2)
    shown = door.gateway.json("executions", "show", passed["execution_id"])["policy"]
    assert shown["shadow"] == ["rule watched: a small one"]
    assert "a small one" in door.gateway.run("executions", "show", passed["execution_id"]).stdout
    assert denied["status_code"] == 403


def test_a_message_is_asked_too(provider: Provider, door: Door, agent: Agent) -> None:
    """Each message of a WebSocket is a call of its own, of Realtime as of Responses."""
    create = {"type": "response.create", "input": "hi", "max_output_tokens": 64}
    with line(door, agent, "/responses") as ws:
        ws.send(json.dumps({**create, "model": "gpt-4o-2024-08-06"}))
        assert "plugin a.py: the large one" in str(ws.recv())
    with line(door, agent, "/realtime?model=gpt-realtime") as ws:
        assert json.loads(ws.recv())["type"] == "session.created"
        tool = {"type": "function", "name": "f", "parameters": {}}
        session = {"type": "realtime", "tools": [tool]}
        ws.send(json.dumps({"type": "session.update", "session": session}))
        ws.send(json.dumps({"type": "response.create"}))
        told: list[str] = []
        while not told or '"error"' not in told[-1]:
            told.append(str(ws.recv()))
        assert "rule no tools" in told[-1]
    assert [call for call in provider.calls() if call.method == "MESSAGE"] == []


def test_a_line_of_a_batch_is_asked_too(provider: Provider, door: Door, agent: Agent) -> None:
    """One tool in one line of a file is in the batch, and a cap that no line holds denies it."""
    with door.client(agent) as client:
        for tools, said in (([FUNCTION], "rule no tools"), ([], "cannot be held to its")):
            bodies: list[dict[str, Any]] = [CHAT, {**CHAT, **({"tools": tools} if tools else {})}]
            lines = [
                {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body}
                for n, body in enumerate(bodies)
            ]
            data = "\n".join(map(json.dumps, lines)).encode()
            files = {**UPLOAD, "file": ("calls.jsonl", data)}
            made = client.post("/files", files=files).json()["id"]
            asked = {"input_file_id": made, "endpoint": "/v1/chat/completions"}
            begun = client.post("/batches", json={**asked, "completion_window": "24h"})
            assert (begun.status_code, said in begun.text) == (403, True), begun.text
    assert [call.path for call in provider.calls()].count("/v1/batches") == 0


@pytest.mark.parametrize("door_of", ["base_url"], indirect=True)
def test_a_reload_takes_plugins_up(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: Callable[[Gateway], Door]
) -> None:
    """`aex models reload` begins the new plugins, or says which of them cannot be loaded."""
    gateway = new_gateway()
    gateway.start()
    agent, door = gateway.create_agent(), door_of(gateway)
    with door.client(agent) as client:
        assert client.post(CHAT_PATH, json=CHAT).status_code == 200
        put(gateway.home, {"a.py": "return {'decision': 'deny', 'reason': 'closed'}"})
        assert gateway.json("models", "reload")["added"] == ["policies/a.py"]
        assert "plugin a.py: closed" in client.post(CHAT_PATH, json=CHAT).text
        put(gateway.home, {"a.py": "evaluate ="})
        told = gateway.run("models", "reload")
        assert told.returncode == 1
        assert "policies/a.py cannot be loaded" in told.stdout + told.stderr
        assert "plugin a.py: closed" in client.post(CHAT_PATH, json=CHAT).text
    assert gateway.audit_passes()
