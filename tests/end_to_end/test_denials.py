"""A denial is one clear answer in the provider's own shape, and nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.end_to_end.books import account, nothing_reserved, rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.prompts import CHAT, CHAT_PATH, MODEL, PROMPT, STREAM
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_denials")

NewAgent = Callable[..., Agent]


def check_final(error: openai.APIStatusError, status: int) -> None:
    """A final denial: the provider's shape, a code, a sentence, and no invitation to retry."""
    assert error.status_code == status
    assert isinstance(error.body, dict)
    assert {"message", "type", "code"} <= error.body.keys()
    assert error.body["type"] == "invalid_request_error"
    assert error.body["code"]
    assert error.body["message"] in str(error)
    assert error.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in error.response.headers
    assert error.response.headers["content-type"].startswith("application/json")


def ask_often(sdk: openai.OpenAI, times: int) -> None:
    for _ in range(times):
        sdk.chat.completions.create(**CHAT)


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, body: Any) -> None:
    """A call that does not fit the budget is a 402 after one attempt, its message intact."""
    agent = new_agent("0.000001")
    sdk, attempts = door.counted_sdk(agent)
    with sdk, pytest.raises(openai.APIStatusError) as raised:
        sdk.chat.completions.create(**body)
    check_final(raised.value, 402)
    assert type(raised.value) is openai.APIStatusError
    assert len(attempts) == 1
    assert provider.calls() == []
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["status_code"], row["actual_nanousd"]) == ("DENIED", 402, 0)
    assert row["execution_id"] == raised.value.response.headers["x-aex-execution-id"]
    assert raised.value.request_id == row["execution_id"]
    assert nothing_reserved(door.gateway, agent)


def test_the_message_can_be_acted_on(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """The sentence of a 402 names the agent, and what is needed and left in dollars."""
    agent = new_agent("0.000001")
    with door.sdk(agent) as sdk, pytest.raises(openai.APIStatusError) as raised:
        sdk.chat.completions.create(**CHAT)
    assert agent.name in str(raised.value)
    assert "0.000001" in str(raised.value)
    assert provider.calls() == []


def test_a_spent_budget_denies(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Calls pass while they fit; the first that does not is denied, and the books show both."""
    agent = new_agent("0.00015")
    with door.sdk(agent, max_retries=0) as sdk:
        for _ in range(40):
            try:
                sdk.chat.completions.create(**{**CHAT, "max_tokens": 32})
            except openai.APIStatusError as error:
                check_final(error, 402)
                break
        else:
            pytest.fail("the budget denied nothing")
    calls = provider.calls()
    found = settled(door.gateway, agent, len(calls) + 1)
    assert [row["state"] for row in found] == ["COMMITTED"] * len(calls) + ["DENIED"]
    counters = account(door.gateway, agent)
    assert len(calls) > 1
    assert counters.spent == sum(call.cost() for call in calls) <= counters.budget


def test_the_cap_is_clamped(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Where the budget cannot carry the model's own cap, the call leaves with one it can."""
    agent = new_agent("0.0005")
    with door.sdk(agent) as sdk:
        sdk.chat.completions.create(model=MODEL, messages=PROMPT)
    document = provider.calls()[0].document
    cap = document.get("max_completion_tokens") or document.get("max_tokens")
    (row,) = settled(door.gateway, agent)
    assert 256 <= cap < 16384
    assert cap * 600 <= row["reserved_nanousd"] <= agent.budget_nanousd


@pytest.mark.parametrize("token", ["aex_" + "A" * 43, "not-a-token", "aex_"])
def test_bad_token(provider: Provider, door: Door, agent: Agent, token: str) -> None:
    """An unknown token is a 401, which the SDK raises as its own, after one attempt."""
    stranger = Agent(agent.name, token, 0)
    sdk, attempts = door.counted_sdk(stranger)
    with sdk, pytest.raises(openai.AuthenticationError) as raised:
        sdk.chat.completions.create(**CHAT)
    assert len(attempts) == 1
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert token not in str(raised.value)
    assert provider.calls() == []
    assert [row for row in rows(door.gateway, agent) if row["state"] != "DENIED"] == []
    assert nothing_reserved(door.gateway, agent)


def test_unknown_model(provider: Provider, door: Door, agent: Agent) -> None:
    """A model without a price is refused by name, as the SDK's permission error."""
    with door.sdk(agent) as sdk, pytest.raises(openai.PermissionDeniedError) as raised:
        sdk.chat.completions.create(model="no-such-model-7", messages=PROMPT)
    check_final(raised.value, 403)
    assert "no-such-model-7" in str(raised.value)
    assert provider.calls() == []
    assert settled(door.gateway, agent)[0]["state"] == "DENIED"
    assert nothing_reserved(door.gateway, agent)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Calls above the rate are a 429 with a short wait, which the SDK knows how to retry."""
    agent = new_agent("5", 3)
    with door.sdk(agent, max_retries=0) as sdk, pytest.raises(openai.RateLimitError) as raised:
        ask_often(sdk, 4)
    headers = raised.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 60
    assert headers.get("x-should-retry") != "false"
    admitted = len(provider.calls())
    assert 1 <= admitted <= 3
    found = settled(door.gateway, agent, admitted + 1)
    assert (found[-1]["state"], found[-1]["status_code"]) == ("DENIED", 429)
    assert account(door.gateway, agent).spent == sum(call.cost() for call in provider.calls())


def test_free_paths_do_not_count(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A path that costs nothing takes nothing of the rate that calls are limited to."""
    agent = new_agent("5", 1)
    with door.sdk(agent, max_retries=0) as sdk:
        for _ in range(3):
            assert list(sdk.models.list())
        assert sdk.chat.completions.create(**CHAT).choices
    assert len(provider.calls()) == 4


@pytest.mark.parametrize("path", ["/live/sessions", CHAT_PATH])
def test_websocket(provider: Provider, door: Door, agent: Agent, path: str) -> None:
    """An upgrade to a WebSocket is answered 426, so that clients fall back to a plain POST."""
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with door.client(agent) as client:
        assert client.get(path, headers=upgrade).status_code == 426
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_a_token_is_not_a_name(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Another agent's name beside a good token buys nothing at the proxy door."""
    agent, other = new_agent(), new_agent()
    pretender = Agent(other.name, agent.token, 0)
    with door.sdk(pretender, max_retries=0) as sdk:
        if door.name == "proxy":
            with pytest.raises(openai.AuthenticationError):
                sdk.chat.completions.create(**CHAT)
            assert provider.calls() == []
        else:
            assert sdk.chat.completions.create(**CHAT).choices
            assert settled(door.gateway, agent)[0]["state"] == "COMMITTED"
    assert nothing_reserved(door.gateway, other)
