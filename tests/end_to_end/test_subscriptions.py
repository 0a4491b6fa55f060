"""An agent on a plan is governed at the host of its log-in: refused, or metered in its shadow."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import settled_one
from tests.end_to_end.conftest import ca_file
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_overrun")

PLAN = "https://chatgpt.com/backend-api"
# The fake provider lets one key in; here it is the agent's own.
OWN_KEY = {"authorization": f"Bearer {REAL_KEY}"}
CALL = {"model": "gpt-4o-mini", "input": "Hello", "stream": True, "store": False}


@dataclass(frozen=True)
class Plan:
    """A plan that can be metered, and a call of its agent."""

    name: str
    url: str
    call: dict[str, Any]
    price: tuple[str, str]
    ends: str
    capped: bool = False


PLANS = (
    Plan("chatgpt", f"{PLAN}/codex/responses", CALL, ("0.15", "0.60"), "response.completed"),
    Plan(
        "code-assist",
        "https://cloudcode-pa.googleapis.com/v1internal:streamGenerateContent?alt=sse",
        {
            "model": "gemini-2.5-flash",
            "project": "p",
            "user_prompt_id": "u",
            "request": {"contents": [{"parts": [{"text": "Hello"}]}], "session_id": "s"},
        },
        ("0.3", "2.5"),
        '"finishReason": "STOP"',
        capped=True,
    ),
)


def as_agent(gateway: Gateway, agent: Agent) -> httpx.Client:
    """A client of the plan behind the proxy, with a log-in of its own."""
    return httpx.Client(
        proxy=f"http://{agent.name}:{agent.token}@127.0.0.1:{gateway.port}",
        verify=ssl.create_default_context(cafile=ca_file(gateway)),
        headers=OWN_KEY,
        trust_env=False,
        timeout=30,
    )


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_by_default_it_is_refused(
    provider: Provider, gateway: Gateway, agent: Agent, plan: Plan
) -> None:
    """The denial names the way out, and nothing reaches the host."""
    with as_agent(gateway, agent) as client:
        answer = client.post(plan.url, json=plan.call)
    assert answer.status_code == 403
    assert "subscription_refused" in answer.text
    assert 'subscription = "meter"' in answer.json()["error"]["message"]
    assert provider.calls() == []
    assert settled_one(gateway, agent)["state"] == "DENIED"


def test_a_websocket_is_none_of_the_free_reads(
    provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """It is answered so that Codex falls back to plain requests, which are governed."""
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    upgrade["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with as_agent(gateway, agent) as client:
        answer = client.get(f"{PLAN}/codex/responses", headers=upgrade)
    assert answer.status_code == 426
    assert provider.calls() == []


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_it_is_metered_where_the_operator_says_so(
    provider: Provider, new_gateway: Callable[[], Gateway], plan: Plan
) -> None:
    """The agent's own log-in goes out, its body with no more than a cap, and the list price is
    booked."""
    gateway = new_gateway()
    plain = f'[providers."{plan.name}"]\n'
    gateway.write_config(
        gateway.config.read_text().replace(plain, f'{plain}subscription = "meter"\n')
    )
    agent = gateway.start().create_agent()
    with as_agent(gateway, agent) as client:
        answer = client.post(plan.url, json=plan.call)
    assert answer.status_code == 200, answer.text
    assert plan.ends in answer.text
    (call,) = provider.calls()
    assert call.header("authorization") == OWN_KEY["authorization"]
    sent = call.document
    if plan.capped:
        assert sent["request"].pop("generationConfig")["maxOutputTokens"] > 0
    assert sent == plan.call
    row = settled_one(gateway, agent)
    assert (row["provider"], row["certainty"]) == (plan.name, "exact")
    assert row["actual_nanousd"] == call.cost(*plan.price) > 0
