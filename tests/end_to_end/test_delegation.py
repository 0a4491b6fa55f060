"""An agent hands a part of what it has to a sub-agent, and never more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_delegation")


# Without a cap of its own a call reserves the model's longest answer, about a cent.
LONG = {name: CHAT[name] for name in ("model", "messages")}


def delegate(gateway: Gateway, token: str, **wish: Any) -> httpx.Response:
    return httpx.post(
        f"{gateway.url}/v1/aex/tokens",
        json=wish,
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    )


def spend(door: Door, agent: Agent, token: str, body: Any = CHAT) -> int:
    with door.client(Agent(agent.name, token, 0)) as client:
        return client.post(CHAT_PATH, json=body).status_code


def test_a_sub_agent_draws_on_the_agent(provider: Provider, door: Door, agent: Agent) -> None:
    """Its calls are booked on the run and on the agent, under the agent's name."""
    made = delegate(door.gateway, agent.token, budget_usd="0.5", name=f"sub-{door.name}")
    assert made.status_code == 200
    assert spend(door, agent, made.json()["token"]) == 200
    (row,) = settled(door.gateway, agent)
    assert row["account"] == made.json()["name"] == f"{agent.name}/sub-{door.name}"
    assert door.gateway.inspect(agent)["spent_nanousd"] == row["actual_nanousd"] > 0
    assert len(provider.calls()) == 1


def test_its_budget_ends_before_the_agents(provider: Provider, door: Door, agent: Agent) -> None:
    """The smaller budget denies, though the agent has more."""
    made = delegate(door.gateway, agent.token, budget_usd="0.0000001").json()
    assert spend(door, agent, made["token"]) == 402
    assert spend(door, agent, agent.token) == 200
    assert len(provider.calls()) == 1


@pytest.mark.parametrize(
    ("wish", "status", "said"),
    [
        ({"budget_usd": "6"}, 403, "above what is left"),
        ({"budget_usd": "1", "rpm": 200_000}, 403, "rate"),
        ({"budget_usd": "-1"}, 400, "negative"),
        ({"budget_usd": "1", "more": 1}, 400, "more"),
        ({}, 400, "budget_usd"),
        ({"budget_usd": "1", "name": "a/b"}, 403, "run's name"),
    ],
)
def test_never_more_than_it_has(
    gateway: Gateway, agent: Agent, wish: dict[str, Any], status: int, said: str
) -> None:
    """What the agent has not, it cannot hand on; what makes no sense is told."""
    answer = delegate(gateway, agent.token, **wish)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_it_lives_no_longer_than_the_token_that_asked(gateway: Gateway) -> None:
    """A longer life is refused, and without a wish the run ends with the token."""
    made = gateway.json("agent", "create", "brief", "5", "0", "--ttl", "1h", "--json")
    assert delegate(gateway, made["token"], budget_usd="1", ttl_seconds=7200).status_code == 403
    assert delegate(gateway, made["token"], budget_usd="1", name="sub").status_code == 200
    run = gateway.json("agent", "inspect", "brief/sub", "--json")
    assert run["expires_at"] is not None


def test_nobody_delegates_without_a_token(gateway: Gateway) -> None:
    """Without a token, or with a bad one, there is nothing to hand on."""
    assert delegate(gateway, "sk-some-provider-key", budget_usd="1").status_code == 401
    assert delegate(gateway, f"aex_{'x' * 49}", budget_usd="1").status_code == 401
    assert httpx.get(f"{gateway.url}/v1/aex/other", trust_env=False).status_code == 404


def test_many_sub_agents_cannot_spend_more_than_the_agent(
    provider: Provider, gateway: Gateway, new_agent: Callable[..., Agent]
) -> None:
    """Each run's budget fits, together they do not: the agent's own budget holds."""
    agent = new_agent("0.012", 100_000, "--on-short-budget", "deny")
    door = Door("base_url", gateway, "")
    tokens = [delegate(gateway, agent.token, budget_usd="0.012").json()["token"] for _ in range(3)]
    provider.script(hold="headers")
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(spend, door, agent, token, LONG) for token in tokens]
        provider.wait_held()
        refused = {call.result() for call in islice(as_completed(calls, 30), 2)}
        provider.release()
        codes = sorted(call.result(30) for call in calls)
    assert refused == {402}
    assert codes == [200, 402, 402]
    assert len(provider.calls()) == 1
