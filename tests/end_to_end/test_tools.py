"""Tools through a real gateway: installed by the command line, run once for real clients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.end_to_end.books import account, ledger_file, settled, settled_one
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import poll
from tests.end_to_end.prompts import in_thread
from tests.tool_packages import SUM, Beats, Packed, needs_sandbox, pack

pytestmark = [pytest.mark.xdist_group("end_to_end_tools"), needs_sandbox]

COST = 2_000_000
GIVEN = {"numbers": [20, 22]}


def install(gateway: Gateway, packed: Packed) -> None:
    gateway.json("plugin", "install", str(packed.manifest), str(packed.package))
    assert gateway.json("plugin", "enable", packed.name)["state"] == "enabled"


def ask(gateway: Gateway, agent: Agent, tool: str, **fields: Any) -> httpx.Response:
    return httpx.post(
        f"{gateway.url}/v1/tools/execute",
        json={"tool": tool, **fields},
        headers={"authorization": f"Bearer {agent.token}"},
        trust_env=False,
        timeout=60,
    )


def sdk(gateway: Gateway, agent: Agent) -> openai.OpenAI:
    """The real SDK, as the agent has it for its models."""
    http_client = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(
        api_key=agent.token, base_url=f"{gateway.url}/openai/v1", http_client=http_client
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "made"
    found.mkdir()
    return found


@pytest.fixture
def beats(tmp_path: Path) -> Beats:
    return Beats(tmp_path / "beats")


def test_by_the_sdk_of_its_models(gateway: Gateway, agent: Agent, folder: Path) -> None:
    """The same client, base URL and token; what was run stands beside calls of models."""
    install(gateway, pack(folder, "sum", SUM))
    with sdk(gateway, agent) as client:
        wish = {"tool": "sum", "input": GIVEN, "execution_id": "step-1"}
        told: Any = client.post("/tools/execute", cast_to=object, body=wish)
        assert (told["status"], told["output"]) == ("ok", '{"sum": 42}\n')
        assert client.post("/tools/execute", cast_to=object, body=wish) == told
        with pytest.raises(openai.NotFoundError) as unknown:
            client.post("/tools/execute", cast_to=object, body={"tool": "other"})
        assert unknown.value.code == "no_such_tool"
    run, _ = settled(gateway, agent, 2)
    assert run["execution_id"] == told["execution_id"]
    assert (run["provider"], run["model"], run["actual_nanousd"]) == ("tools", "sum", COST)
    assert account(gateway, agent).spent == COST
    assert b'{\\"sum\\": 42}' not in ledger_file(gateway).read_bytes()
    assert [row["model"] for row in gateway.executions(agent)] == ["sum", "other"]
    shown = gateway.run("executions", "show", run["execution_id"]).stdout
    assert "sum" in shown
    assert "0.002" in shown
    story = httpx.get(
        f"{gateway.url}/dashboard/executions/{run['execution_id']}",
        headers=gateway.operator() | {"accept": "text/html"},
        trust_env=False,
    )
    assert (story.status_code, "/v1/tools/execute" in story.text) == (200, True)
    assert gateway.audit_passes()


def test_what_the_operator_says_holds_from_the_next_run_on(
    gateway: Gateway, new_agent: Callable[..., Agent], folder: Path
) -> None:
    """Caps, disabling by the admin API, an upgrade: nothing of it waits for a restart."""
    install(gateway, pack(folder, "caps", SUM))
    agent = new_agent("5", 100_000, "--strict", "--allow-tool", "c*")
    assert ask(gateway, agent, "caps", input=GIVEN).status_code == 200
    gateway.json("agent", "limits", agent.name, "--allow-tool", "other")
    refused = ask(gateway, agent, "caps", input=GIVEN)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "tool_not_allowed")
    other = new_agent()
    off = httpx.post(
        f"{gateway.url}/admin/plugins/caps/disable",
        json={"reason": "it lies"},
        headers=gateway.operator(),
        trust_env=False,
    )
    assert off.json()["state"] == "disabled"
    assert ask(gateway, other, "caps").json()["error"]["code"] == "tool_disabled"
    newer = pack(folder, "caps", "print('new')", version="2")
    install(gateway, newer)
    assert ask(gateway, other, "caps").json()["output"] == "new\n"
    assert account(gateway, other).spent == COST


def test_a_pause_ends_it(gateway: Gateway, agent: Agent, folder: Path, beats: Beats) -> None:
    """The tool and its child are gone soon, the run is booked, and the client is told."""
    install(gateway, beats.pack(folder, "paused"))
    with in_thread(lambda: ask(gateway, agent, "paused")) as answers:
        poll(lambda: beats.count, "the tool's first beat")
        gateway.json("agent", "state", agent.name, "PAUSED", "--reason", "it loops")
    assert answers[0].status_code == 423
    assert "it loops" in answers[0].json()["error"]["message"]
    poll(lambda: not beats.alive, "the end of the tool and its child")
    row = settled_one(gateway, agent)
    assert (row["state"], row["actual_nanousd"]) == ("COMMITTED", COST)
    assert row["reason"].startswith("ended early: ")


def test_a_gateway_that_is_killed_takes_it_along(
    new_gateway: Callable[[], Gateway], folder: Path, beats: Beats
) -> None:
    """Nothing runs on; the next start books the run as it books any call, and once."""
    own = new_gateway().start()
    agent = own.create_agent()
    install(own, beats.pack(folder))
    with in_thread(lambda: ask(own, agent, "beats")) as answers:
        poll(lambda: beats.count, "the tool's first beat")
        own.kill()
    assert isinstance(answers[0], httpx.TransportError)
    poll(lambda: not beats.alive, "the end of the tool and its child")
    own.start()
    row = settled_one(own, agent)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "uncertain")
    assert row["actual_nanousd"] == row["reserved_nanousd"] == COST
    assert own.audit_passes()
