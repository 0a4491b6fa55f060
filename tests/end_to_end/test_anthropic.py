"""The real Anthropic SDK, unmodified, at both doors: every kind of call is metered to the token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from providers import anthropic_errors
from providers.wire import Denial
from tests.end_to_end.anthropic_sdk import (
    CALL,
    HOST,
    INPUT_USD,
    MODEL,
    OUTPUT_USD,
    PREFIX,
    PROMPT,
    SEARCH,
    TOOL,
    async_sdk,
    counted_sdk,
    entered,
    sdk,
)
from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_anthropic")

NewAgent = Callable[..., Agent]
SAID = "You said: Say three short wörds."
COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage", "usage_source"),
)


def cost(call: ProviderCall) -> int:
    """What the provider bills for a call without caches and fees."""
    return call.cost(INPUT_USD, OUTPUT_USD)


def booked(door: Door, agent: Agent, call: ProviderCall) -> dict[str, Any]:
    """The agent's one row, which is what the provider billed."""
    row = settled_one(door.gateway, agent)
    assert (row["provider"], row["model"], row["endpoint"]) == ("anthropic", MODEL, "/v1/messages")
    assert (row["state"], row["usage_source"], row["stream"]) == (
        *("COMMITTED", "provider"),
        call.stream,
    )
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert row["usage"]["output_tokens"] == call.output_tokens
    assert row["reserved_nanousd"] >= row["actual_nanousd"]
    return row


def test_json(provider: Provider, door: Door, agent: Agent) -> None:
    """A JSON call costs what the provider bills."""
    with sdk(door, agent) as client:
        answer = client.messages.create(**CALL)
    assert answer.content[0].to_dict() == {"type": "text", "text": SAID}
    (call,) = provider.calls()
    assert call.path == "/v1/messages"
    assert call.document == CALL
    assert booked(door, agent, call)["actual_nanousd"] == cost(call) > 0


@pytest.mark.parametrize("helper", [False, True])
def test_stream(provider: Provider, door: Door, agent: Agent, helper: bool) -> None:
    """A stream reaches the client as it was sent, and its last count is booked."""
    with sdk(door, agent) as client:
        if helper:
            with client.messages.stream(**CALL) as stream:
                assert "".join(stream.text_stream) == SAID
            final = stream.get_final_message()
        else:
            events = list(client.messages.create(**CALL, stream=True))
            assert [event.type for event in events][-2:] == ["message_delta", "message_stop"]
            final = events[0].message  # type: ignore[union-attr]
    (call,) = provider.calls()
    assert final.usage.input_tokens == call.input_tokens
    assert booked(door, agent, call)["actual_nanousd"] == cost(call)
    assert call.document["stream"] is True


def test_async(provider: Provider, door: Door, agent: Agent) -> None:
    """The asynchronous SDK gets the same, call beside call."""

    async def ask() -> list[str]:
        async with async_sdk(door, agent) as client:
            answers = [client.messages.create(**CALL) for _ in range(3)]
            return [str(each.content[0].text) for each in await asyncio.gather(*answers)]  # type: ignore[union-attr]

    assert asyncio.run(ask()) == [SAID] * 3
    rows = settled(door.gateway, agent, 3)
    assert sorted(row["actual_nanousd"] for row in rows) == sorted(map(cost, provider.calls()))


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A tool call and its result go both ways unharmed."""
    options: Any = {**CALL, "tools": [TOOL]}
    with sdk(door, agent) as client:
        if stream:
            with client.messages.stream(**options) as events:
                asked: Any = events.get_final_message()
        else:
            asked = client.messages.create(**options)
        (use,) = asked.content
        assert (use.name, use.input) == ("look_up", {"echo": PROMPT[0]["content"]})
        result = {"type": "tool_result", "tool_use_id": use.id, "content": "done"}
        turns = [
            *PROMPT,
            {"role": "assistant", "content": [use.to_dict()]},
            {"role": "user", "content": [result]},
        ]
        client.messages.create(**{**options, "messages": turns})
    rows = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in provider.calls()]


def test_caches(provider: Provider, door: Door, agent: Agent) -> None:
    """Writes for five minutes, for an hour, and reads each cost what they cost."""
    with sdk(door, agent) as client:
        for control in ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}):
            system: Any = [{"type": "text", "text": "Be brief. " * 9, "cache_control": control}]
            for _ in range(2):
                client.messages.create(**CALL, system=system)
    rows, calls = settled(door.gateway, agent, 4), provider.calls()
    for row, call, rate in zip(rows, calls, (1_250, 100, 2_000, 100), strict=True):
        cached = call.input_tokens - 1
        assert row["actual_nanousd"] == 1_000 + cached * rate + call.output_tokens * 5_000
        assert row["reserved_nanousd"] >= row["actual_nanousd"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_search_has_a_fee(
    provider: Provider, door: Door, new_agent: NewAgent, stream: bool
) -> None:
    """It is a cent on top of the tokens, and was reserved for."""
    agent = new_agent("50")
    tools: Any = [{**SEARCH, "max_uses": 2}]
    with sdk(door, agent) as client:
        answer = client.messages.create(**CALL, tools=tools, stream=stream)
        if stream:
            list(answer)  # type: ignore[call-overload]
    (call,) = provider.calls()
    row = booked(door, agent, call)
    assert row["usage"]["web_searches"] == 1
    assert row["actual_nanousd"] == cost(call) + 10_000_000
    assert row["reserved_nanousd"] >= 10 * 200_000 * 1_000 + 20_000_000


def test_a_search_without_a_limit_is_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """The request sets none, and neither does the operator."""
    with sdk(door, agent) as client, pytest.raises(anthropic.PermissionDeniedError) as raised:
        client.messages.create(**CALL, tools=[SEARCH])
    assert "server_calls_max" in str(raised.value)
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize("stream", [False, True])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, stream: bool) -> None:
    """A call that does not fit the budget is a 402 after one attempt, its message intact."""
    agent = new_agent("0.000001")
    client, attempts = counted_sdk(door, agent)
    with client, pytest.raises(anthropic.PaymentRequiredError) as raised:
        client.messages.create(**CALL, stream=stream)
    assert len(attempts) == 1
    error = raised.value
    assert (error.status_code, error.type) == (402, "invalid_request_error")
    assert error.error_code == "budget_exceeded"
    assert agent.name in str(error.api_message)
    assert error.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in error.response.headers
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["status_code"]) == ("DENIED", 402)
    assert error.request_id == row["execution_id"]
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A call above the rate is a 429 with a short wait, after which the SDK tries again."""
    agent = new_agent("5", 60)
    client, attempts = counted_sdk(door, agent)
    calls = 0
    with client:
        while len(attempts) == calls and calls < 300:
            client.messages.create(**CALL)
            calls += 1
    assert len(attempts) == calls + 1
    rows = settled(door.gateway, agent, calls + 1)
    denied = [row for row in rows if row["state"] == "DENIED"]
    assert [row["status_code"] for row in denied] == [429]
    assert len(provider.calls()) == calls


def test_the_cap_and_the_thinking_budget_are_clamped(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """Where the budget cannot carry the cap, both leave smaller, and by as much."""
    agent = new_agent("0.05")
    thinking: Any = {"type": "enabled", "budget_tokens": 16_000}
    with sdk(door, agent) as client:
        client.messages.create(**{**CALL, "max_tokens": 20_000}, thinking=thinking)
    sent = provider.calls()[0].document
    assert 1_025 <= sent["max_tokens"] < 20_000
    room = sent["max_tokens"] - sent["thinking"]["budget_tokens"]
    assert room == 4_000 or sent["thinking"]["budget_tokens"] == 1_024
    row = settled_one(door.gateway, agent)
    assert sent["max_tokens"] * 5_000 <= row["reserved_nanousd"] <= agent.budget_nanousd


def test_too_little_for_thinking_is_denied(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """A cap that the provider would refuse with its thinking is not even sent."""
    agent = new_agent("0.0055")
    thinking: Any = {"type": "enabled", "budget_tokens": 2_000}
    with sdk(door, agent) as client:
        client.messages.create(**{**CALL, "max_tokens": 4_000})
        with pytest.raises(anthropic.PaymentRequiredError):
            client.messages.create(**{**CALL, "max_tokens": 4_000}, thinking=thinking)
    assert len(provider.calls()) == 1


def test_free_paths(provider: Provider, door: Door, agent: Agent) -> None:
    """Counting, models and batches that exist pass, and cost nothing."""
    with sdk(door, agent) as client:
        counted = client.messages.count_tokens(model=MODEL, messages=PROMPT)
        assert counted.input_tokens > 0
        client.models.list()
        assert list(client.messages.batches.list()) == []
    assert len(provider.calls()) == 3
    for row in settled(door.gateway, agent, 3):
        assert (row["state"], row["actual_nanousd"], row["provider"]) == (
            *("COMMITTED", 0),
            "anthropic",
        )


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("POST", "/api/event_logging/v2/batch", "/api/event_logging/v2/batch"),
        ("POST", "/api/eval/sdk-zAZezfDKGoZuXXKe", "/api/eval/{id}"),
        ("GET", "/api/claude_code/policy_limits", "/api/claude_code/policy_limits"),
        ("GET", "/api/claude_cli/bootstrap?entrypoint=cli", "/api/claude_cli/bootstrap"),
        ("GET", "/mcp-registry/v0/servers?limit=100", "/mcp-registry/v0/servers"),
    ],
)
def test_paths_of_claude_code(
    provider: Provider, door: Door, agent: Agent, method: str, path: str, endpoint: str
) -> None:
    """Its telemetry and settings pass, identified and recorded, under AEX's key."""
    with door.client(agent, base_url=door.origin(HOST, PREFIX)) as client:
        assert client.request(method, path, json={} if method == "POST" else None).is_success
    (call,) = provider.calls()
    assert call.path == path
    assert call.header("x-api-key") == REAL_KEY
    assert settled_one(door.gateway, agent)["endpoint"] == endpoint


@pytest.mark.parametrize("path", ["/v1/dreams", "/v1/sessions", "/v1/complete"])
def test_what_could_cost_is_refused(
    provider: Provider, door: Door, agent: Agent, path: str
) -> None:
    """Work that is not metered yet never starts, and the SDK raises its permission error."""
    with sdk(door, agent) as client, pytest.raises(anthropic.PermissionDeniedError) as raised:
        client.post(path, body={"requests": []}, cast_to=object)
    assert raised.value.error_code == "not_metered"
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_no_credential_of_the_agents_goes_upstream(
    provider: Provider, door: Door, agent: Agent, variable: str
) -> None:
    """Neither a key nor a bearer token; the provider sees AEX's own, where its keys stand."""
    with entered(door, agent, variable), anthropic.Anthropic() as client:
        client.messages.create(**CALL)
    (call,) = provider.calls()
    assert call.header("x-api-key") == REAL_KEY
    assert call.header("authorization") is None
    sent = json.dumps([call.headers, call.body])
    assert agent.token not in sent
    assert OWN_KEY not in sent


def test_the_ai_sdk_finds_its_path(provider: Provider, door: Door, agent: Agent) -> None:
    """It appends `/messages` to a base URL, where the others append `/v1/messages`."""
    version = "/v1" if door.name == "proxy" else ""
    with door.client(agent, base_url=door.origin(HOST, PREFIX)) as client:
        assert client.post(f"{version}/messages", json=CALL).status_code == 200
    (call,) = provider.calls()
    assert call.path == "/v1/messages"
    booked(door, agent, call)


def test_a_client_that_leaves_pays_for_what_is_known(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """The input is booked as the provider told it, the output by what was delivered."""
    provider.script(hold=[5])
    with sdk(door, agent) as client:
        stream = client.messages.create(**CALL, stream=True)
        next(iter(stream))
        provider.wait_held()
        stream.close()
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert row["usage"]["output_tokens"] >= call.output_tokens
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_an_error_in_the_middle_of_a_stream(provider: Provider, door: Door, agent: Agent) -> None:
    """The SDK raises its own exception once, and the input that was told is booked as it is."""
    usage = {"input_tokens": 7, "output_tokens": 1}
    start = {"type": "message_start", "message": {"model": MODEL, "content": [], "usage": usage}}
    body = f"event: message_start\ndata: {json.dumps(start)}\n\n"
    body += anthropic_errors.error_event(Denial(402, "budget_exceeded", "No more.")).decode()
    provider.script(status=200, body=body, headers={"content-type": "text/event-stream"})
    client, attempts = counted_sdk(door, agent)
    with client, pytest.raises(anthropic.APIStatusError, match="No more") as raised:
        list(client.messages.create(**CALL, stream=True))
    assert len(attempts) == 1
    assert raised.value.error_code == "budget_exceeded"
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["usage"]["input_tokens"] == 7
    assert row["usage"]["output_tokens"] <= 64


def test_a_stream_ends_with_the_right_to_make_it(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Whoever takes the agent's token ends its stream, with the API's own error event."""
    provider.script(hold=[5])
    client, attempts = counted_sdk(door, agent)
    with client, client.messages.create(**CALL, stream=True) as stream:
        next(stream)
        provider.wait_held()
        assert door.gateway.run("agent", "rotate-token", agent.name).returncode == 0
        with pytest.raises(anthropic.APIStatusError, match="token of this call was revoked"):
            list(stream)
    assert len(attempts) == 1
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["reason"].startswith("ended early: ")
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize("how", ["missing", "null", "string", "negative"])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_cannot_be_read(
    provider: Provider, door: Door, agent: Agent, how: str, stream: bool
) -> None:
    """An upper bound is booked and marked, never less than was billed."""
    provider.script(usage=how)
    with sdk(door, agent) as client:
        answer = client.messages.with_raw_response.create(**CALL, stream=stream)
        assert b"short" in answer.http_response.read()
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with sdk(door, agent, max_retries=0) as client:
            client.messages.create(**CALL)
            list(client.messages.create(**CALL, stream=True))
            client.messages.count_tokens(model=MODEL, messages=PROMPT)
            with pytest.raises(anthropic.PermissionDeniedError):
                client.messages.create(**{**CALL, "model": "no-such-model"})
            with pytest.raises(anthropic.BadRequestError):
                client.post("/v1/messages", body=[], cast_to=object)
            provider.script(status=529)
            with pytest.raises(anthropic.OverloadedError):
                client.messages.create(**CALL)
            provider.script()
        settled(gateway, agent, 6)
        rows = gateway.executions(agent)
        told.append([{key: row[key] for key in COMPARED} for row in rows])
        assert {row["door"] for row in rows} == {door.booked_as}
    assert told[0] == told[1]
