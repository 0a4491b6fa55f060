"""The real OpenAI Agents SDK, unmodified, at both doors and over both of its transports."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.books import rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_agents_sdk")

AGENT = Path(__file__).parent / "agents_agent.py"
PRICE = ("2", "8")

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def python() -> Path:
    return interpreter("openai-agents")


@pytest.fixture
def run(python: Path) -> Run:
    """A run of the agent in its own environment; what it came to, or what it raised."""

    def runs(door: Door, agent: Agent, transport: str, **job: Any) -> Any:
        order = {"transport": transport, "stream": False, **job}
        done = subprocess.run(
            [str(python), str(AGENT), json.dumps(order)],
            env=clean_environment(door.environment(agent)) | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return runs


@pytest.mark.parametrize(
    ("transport", "stream"), [("http", False), ("http", True), ("websocket", True)]
)
def test_a_run(
    provider: Provider, door: Door, agent: Agent, run: Run, transport: str, stream: bool
) -> None:
    """A turn that calls a tool and one that answers: each is a call, metered to the token."""
    came_to = run(door, agent, transport, stream=stream)
    assert came_to["said"].startswith("You said: found")
    assert bool(came_to["events"]) is stream
    calls = [call for call in provider.calls() if call.method != "GET"]
    handshakes = len(provider.calls()) - len(calls)
    found = settled(door.gateway, agent, 2 + handshakes)[handshakes:]
    assert [row["actual_nanousd"] for row in found] == [call.cost(*PRICE) for call in calls]
    assert came_to["usage"] == [
        sum(call.input_tokens for call in calls),
        sum(call.output_tokens for call in calls),
    ]
    assert all(row["certainty"] == "exact" for row in found)


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_a_denial(
    provider: Provider, door: Door, new_agent: Callable[..., Agent], run: Run, transport: str
) -> None:
    """A run that does not fit ends with its own error, after one attempt."""
    agent = new_agent("0.000001")
    came_to = run(door, agent, transport)
    assert agent.name in came_to["told"]
    assert came_to.get("status") in {402, None}
    denied = [row for row in rows(door.gateway, agent) if row["state"] == "DENIED"]
    assert len(denied) == 1
    assert [call for call in provider.calls() if call.method != "GET"] == []
