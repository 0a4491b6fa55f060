"""An agent on a plan is governed at the host of its log-in: refused, or metered in its shadow."""

from __future__ import annotations

import ssl
from collections.abc import Callable

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


def as_agent(gateway: Gateway, agent: Agent) -> httpx.Client:
    """A client of the plan behind the proxy, with a log-in of its own."""
    return httpx.Client(
        proxy=f"http://{agent.name}:{agent.token}@127.0.0.1:{gateway.port}",
        verify=ssl.create_default_context(cafile=ca_file(gateway)),
        headers=OWN_KEY,
        trust_env=False,
        timeout=30,
    )


def test_by_default_it_is_refused(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """The denial names the way out, and nothing reaches the host."""
    with as_agent(gateway, agent) as client:
        answer = client.post(f"{PLAN}/codex/responses", json=CALL)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "subscription_refused"
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


def test_it_is_metered_where_the_operator_says_so(
    provider: Provider, new_gateway: Callable[[], Gateway]
) -> None:
    """The agent's own log-in goes out, its body as it was, and the list price is booked."""
    gateway = new_gateway()
    plain = '[providers."chatgpt"]\n'
    gateway.write_config(
        gateway.config.read_text().replace(plain, f'{plain}subscription = "meter"\n')
    )
    agent = gateway.start().create_agent()
    with as_agent(gateway, agent) as client:
        answer = client.post(f"{PLAN}/codex/responses", json=CALL)
    assert answer.status_code == 200, answer.text
    assert "response.completed" in answer.text
    (call,) = provider.calls()
    assert call.header("authorization") == OWN_KEY["authorization"]
    assert call.document == CALL
    row = settled_one(gateway, agent)
    assert (row["provider"], row["certainty"]) == ("chatgpt", "exact")
    assert row["actual_nanousd"] == call.cost() > 0
