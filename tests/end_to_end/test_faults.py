"""Whatever the provider does, each call comes to one end, and no less is booked than billed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from tests.end_to_end.books import account, reserves, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_faults")

CUTS: list[tuple[object, Any]] = [
    (CHAT, "before_headers"),
    (CHAT, "after_headers"),
    (CHAT, "body"),
    (STREAM, "before_headers"),
    (STREAM, "after_headers"),
    *((STREAM, index) for index in range(10)),
]


def ask(door: Door, agent: Agent, body: object) -> httpx.Response | httpx.TransportError:
    """One call; what it met is the answer."""
    with door.client(agent) as client:
        try:
            return client.post(CHAT_PATH, json=body)
        except httpx.TransportError as error:
            return error


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize(("body", "at"), CUTS)
def test_cuts(
    provider: Provider, door: Door, agent: Agent, how: str, body: object, at: str | int
) -> None:
    """A connection that breaks after the call was sent is charged, never released."""
    provider.script(cut={"how": how, "at": at, "mid": True})
    answer = ask(door, agent, body)
    if isinstance(answer, httpx.Response) and at == "before_headers":
        assert answer.status_code in {502, 504}
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"]["message"]
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["state"] == "COMMITTED"
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]
    if at != 9:  # the usage event had been read by then
        assert row["usage_source"] == "estimated"
        assert row["certainty"] in {"estimated", "uncertain"}


@pytest.mark.parametrize("index", range(9))
def test_client_leaves_a_stream(provider: Provider, door: Door, agent: Agent, index: int) -> None:
    """A client that leaves before any event pays for what was generated, and frees the rest."""
    provider.script(hold=[index])
    with door.client(agent) as client, client.stream("POST", CHAT_PATH, json=STREAM) as answer:
        lines = (line for line in answer.iter_lines() if line)
        for _ in range(index):
            next(lines)
        provider.wait_held()
    provider.wait(lambda calls: calls[0].gone, "the provider's connection closed too")
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["state"] == "COMMITTED"
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_client_leaves_before_the_answer(provider: Provider, door: Door, agent: Agent) -> None:
    """A client that gives up waiting is charged: the provider works on, and may bill."""
    provider.script(hold="headers")

    async def give_up() -> None:
        async with door.async_client(agent) as client:
            call = asyncio.ensure_future(client.post(CHAT_PATH, json=CHAT))
            await asyncio.to_thread(provider.wait_held)
            call.cancel()
            await asyncio.wait([call])

    asyncio.run(give_up())
    provider.release()
    row = settled_one(door.gateway, agent)
    assert row["state"] == "COMMITTED"
    assert row["actual_nanousd"] >= provider.calls()[0].cost() > 0


def test_client_leaves_in_the_upload(provider: Provider, door: Door, agent: Agent) -> None:
    """A request that never arrives whole is no call: nothing is reserved and nothing sent."""
    head = f"POST /v1{CHAT_PATH} HTTP/1.1\r\nhost: {door.host}\r\ncontent-length: 5000\r\n"
    with door.raw(agent) as connection:
        key = f"authorization: Bearer {door.key(agent)}\r\n\r\n"
        connection.sendall(f"{head}{key}".encode() + json.dumps(CHAT).encode())
    assert isinstance(ask(door, agent, CHAT), httpx.Response)
    assert settled_one(door.gateway, agent)["status_code"] == 200
    assert len(provider.calls()) == reserves(door.gateway, agent) == 1


@pytest.mark.parametrize("usage", ["missing", "null", "string", "negative", "absurd"])
@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_useless_usage(
    provider: Provider, door: Door, agent: Agent, body: object, usage: str
) -> None:
    """Usage that is absent or cannot be true is replaced by an estimate that covers the bill."""
    provider.script(usage=usage)
    answer = ask(door, agent, body)
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 200
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["certainty"] in {"estimated", "uncertain"}
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize("usage", ["duplicated", "cumulative"])
def test_repeated_usage(provider: Provider, door: Door, agent: Agent, usage: str) -> None:
    """Usage that is told again replaces what was told before; it never adds."""
    provider.script(usage=usage)
    ask(door, agent, STREAM)
    row = settled_one(door.gateway, agent)
    assert row["usage_source"] == "provider"
    assert row["actual_nanousd"] == provider.calls()[0].cost()


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_a_bill_above_the_reserve(
    provider: Provider, door: Door, new_agent: Callable[..., Agent], body: object
) -> None:
    """A provider that bills above the reserve is booked in full, and the agent stops there."""
    agent = new_agent("0.5")
    provider.script(usage="overrun")
    assert isinstance(ask(door, agent, body), httpx.Response)
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["actual_nanousd"] == call.cost() > row["reserved_nanousd"]
    assert account(door.gateway, agent).spent > agent.budget_nanousd
    provider.script()
    denied = ask(door, agent, CHAT)
    assert isinstance(denied, httpx.Response)
    assert 400 <= denied.status_code < 500
    assert len(provider.calls()) == 1


@pytest.mark.parametrize(
    "sse",
    [
        *("cr", "crlf", "nospace", "comments", "bytes", "multiline", "long_line"),
        *("delta_null", "junk", "bom", "error_event", "no_done"),
    ],
)
def test_odd_streams(provider: Provider, door: Door, agent: Agent, sse: str) -> None:
    """Events in any shape that the standard allows, and some beyond, are metered exactly."""
    provider.script(sse=sse)
    answer = ask(door, agent, {**STREAM, "stream_options": {"include_usage": True}})
    assert isinstance(answer, httpx.Response)
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert call.complete
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["actual_nanousd"] == call.cost()


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_error_statuses(provider: Provider, door: Door, agent: Agent, status: int) -> None:
    """An error that the provider does not bill passes as it is and is released, with its proof."""
    body = '{"error":{"message":"Busy.","type":"server_error","code":null}}'
    provider.script(status=status, headers={"retry-after": "7"}, body=body)
    answer = ask(door, agent, CHAT)
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["retry-after"] == "7"
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["status_code"], row["actual_nanousd"]) == ("RELEASED", status, 0)
    assert len(provider.calls()) == 1


def test_the_sdk_retries_and_each_attempt_is_booked(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """The SDK's own retries of a provider fault are executions of their own, none of them paid."""
    provider.script(status=500, headers={"retry-after-ms": "1"}, body="{}")
    with door.sdk(agent, max_retries=2) as sdk, pytest.raises(openai.InternalServerError):
        sdk.chat.completions.create(**CHAT)
    assert len(provider.calls()) == 3
    assert {row["state"] for row in settled(door.gateway, agent, 3)} == {"RELEASED"}
    counters = account(door.gateway, agent)
    assert (counters.spent, counters.reserved) == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_200_with_an_error(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """An error body under a status of success is no proof that nothing was billed."""
    provider.script(status=200, body='{"error":{"message":"Oops.","type":"server_error"}}')
    answer = ask(door, agent, {**CHAT, "stream": stream})
    assert isinstance(answer, httpx.Response)
    assert answer.json()["error"]["message"] == "Oops."
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")


def test_redirects_lead_nowhere(provider: Provider, door: Door, agent: Agent) -> None:
    """A redirect is handed to the client; AEX follows none, so no key goes elsewhere."""
    target = f"{provider.url}/v1/elsewhere"
    provider.script(status=302, headers={"location": target})
    answer = ask(door, agent, CHAT)
    assert isinstance(answer, httpx.Response)
    assert answer.status_code in {302, 502}
    assert len(provider.calls()) == 1
    assert settled_one(door.gateway, agent)["state"] in {"RELEASED", "COMMITTED"}


def test_a_huge_answer(provider: Provider, door: Door, agent: Agent) -> None:
    """An answer of 40 MB that is no answer arrives whole and is charged an estimate."""
    provider.script(status=200, body="{", body_size=40 * 1024 * 1024)
    answer = ask(door, agent, CHAT)
    assert isinstance(answer, httpx.Response)
    assert len(answer.content) == 40 * 1024 * 1024 + 1
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
