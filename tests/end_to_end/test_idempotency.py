"""One idempotency key is one call: answered once by the provider, and as often as asked by AEX."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import account, ledger_file, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_idempotency")

KEY = {"idempotency-key": "key-1"}


def ask(door: Door, agent: Agent, body: Any, headers: dict[str, str] | None = None) -> Any:
    with door.client(agent) as client:
        return client.post(CHAT_PATH, json=body, headers=headers or KEY)


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["json", "stream"])
def test_the_answer_comes_again(
    provider: Provider, door: Door, agent: Agent, body: dict[str, Any]
) -> None:
    """The second call gets the first one's bytes, costs nothing, and never leaves."""
    first, second = ask(door, agent, body), ask(door, agent, body)
    assert first.status_code == second.status_code == 200
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["x-aex-execution-id"] == first.headers["x-aex-execution-id"]
    assert second.headers["x-aex-replayed"] == "true"
    assert len(provider.calls()) == 1
    (row,) = settled(door.gateway, agent)
    assert account(door.gateway, agent).spent == row["actual_nanousd"] > 0
    stored = ledger_file(door.gateway).read_bytes()
    assert b"You said" not in stored


def test_without_a_key_two_calls_are_two(provider: Provider, door: Door, agent: Agent) -> None:
    """Equal prompts are not deduplicated."""
    ask(door, agent, CHAT, {"x-other": "1"})
    ask(door, agent, CHAT, {"x-other": "1"})
    assert len(provider.calls()) == 2
    settled(door.gateway, agent, 2)


def test_the_key_is_the_same_at_both_doors_and_prefixes(
    provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """/v1 and /openai/v1 are one route."""
    answers = [
        httpx.post(
            f"{gateway.url}{prefix}/chat/completions",
            json=CHAT,
            headers={**KEY, "authorization": f"Bearer {agent.token}"},
            trust_env=False,
        )
        for prefix in ("/v1", "/openai/v1")
    ]
    assert answers[0].content == answers[1].content
    assert len(provider.calls()) == 1


def test_another_request_is_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """The key of one request does not stand for another: 422, and nothing is sent."""
    ask(door, agent, CHAT)
    other = ask(door, agent, {**CHAT, "temperature": 0.5})
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"
    assert len(provider.calls()) == 1


def test_keys_of_agents_are_apart(
    provider: Provider, door: Door, new_agent: Callable[..., Agent]
) -> None:
    """The same key of another agent is another call."""
    for each in (new_agent(), new_agent()):
        assert ask(door, each, CHAT).status_code == 200
    assert len(provider.calls()) == 2


def test_a_failure_is_not_replayed(provider: Provider, door: Door, agent: Agent) -> None:
    """After a provider's fault the same key is tried anew, and linked to the first attempt."""
    provider.script(status=500)
    assert ask(door, agent, CHAT).status_code == 500
    provider.script()
    assert ask(door, agent, CHAT).status_code == 200
    assert len(provider.calls()) == 2
    first, second = settled(door.gateway, agent, 2)
    assert (first["state"], second["state"]) == ("RELEASED", "COMMITTED")
    assert second["retry_of"] == first["execution_id"]


def test_a_denial_is_not_replayed(
    provider: Provider, door: Door, new_agent: Callable[..., Agent]
) -> None:
    """Once the budget is raised, the key that was denied goes through."""
    agent = new_agent("0.000001")
    assert ask(door, agent, CHAT).status_code == 402
    assert door.gateway.run("agent", "top-up", agent.name, "1").returncode == 0
    assert ask(door, agent, CHAT).status_code == 200
    assert len(provider.calls()) == 1


def test_a_twin_waits_for_the_answer(provider: Provider, door: Door, agent: Agent) -> None:
    """While the first is under way the second waits, and then gets the same answer."""
    provider.script(hold="headers")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, door, agent, CHAT)
        provider.wait_held()
        second = pool.submit(ask, door, agent, CHAT)
        provider.release()
        answers = [first.result(30), second.result(30)]
    assert answers[0].content == answers[1].content
    assert len(provider.calls()) == 1


def test_a_twin_that_waits_too_long_is_told(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: Callable[[Gateway], Door]
) -> None:
    """After the patience a 409 says to try again; it is answered once."""
    gateway = new_gateway()
    gateway.write_config("idempotency_join_seconds = 0\n" + gateway.config.read_text())
    door, agent = door_of(gateway.start()), gateway.create_agent()
    provider.script(hold="headers")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, door, agent, CHAT)
        provider.wait_held()
        second = ask(door, agent, CHAT)
        provider.release()
        assert first.result(30).status_code == 200
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"
    assert len(provider.calls()) == 1


def test_the_answer_outlives_the_gateway(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: Callable[[Gateway], Door]
) -> None:
    """After kill -9 and a new start the key is still answered from the ledger."""
    gateway = new_gateway()
    door, agent = door_of(gateway.start()), gateway.create_agent()
    first = ask(door, agent, STREAM)
    gateway.kill()
    gateway.start()
    assert ask(door, agent, STREAM).content == first.content
    assert len(provider.calls()) == 1
    assert gateway.audit_passes()
