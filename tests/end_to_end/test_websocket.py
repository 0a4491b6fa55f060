"""Responses over a WebSocket, at both doors: each message is a call, with its own reserve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import openai
import pytest
import websockets

from tests.end_to_end.books import account, nothing_reserved, rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.lines import Line, line
from tests.end_to_end.processes import poll
from tests.end_to_end.prompts import in_thread
from tests.end_to_end.test_both_doors import COMPARED
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_websocket")

NewAgent = Callable[..., Agent]

ASKED = "Say three short wörds."
SAID = f"You said: {ASKED}"
CREATE: dict[str, Any] = {"type": "response.create", "model": "gpt-4o-mini", "input": ASKED}
CAPPED: dict[str, Any] = {**CREATE, "max_output_tokens": 64}
LAST = ("response.completed", "response.incomplete", "response.failed", "error")


def socket(door: Door, agent: Agent) -> AbstractContextManager[Line]:
    """A WebSocket for responses."""
    return line(door, agent, "/responses")


def ask(ws: Line, **fields: Any) -> list[dict[str, Any]]:
    """Asks once; all messages of the answer."""
    ws.send(json.dumps({**CAPPED, **fields}))
    return answer(ws)


def answer(ws: Line) -> list[dict[str, Any]]:
    """The messages up to the end of one answer."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in LAST:
        told.append(json.loads(ws.recv()))
    return told


def text_of(messages: list[dict[str, Any]]) -> str:
    kind = "response.output_text.delta"
    return "".join(message["delta"] for message in messages if message["type"] == kind)


def asked(provider: Provider) -> list[ProviderCall]:
    """The messages that reached the provider."""
    return [call for call in provider.calls() if call.method == "MESSAGE"]


def calls_of(door: Door, agent: Agent, count: int) -> list[dict[str, Any]]:
    """The agent's rows but for the handshakes, once they are at their end."""

    def shown() -> list[dict[str, Any]]:
        return [row for row in rows(door.gateway, agent) if row["status_code"] != 101]

    settled(door.gateway, agent, count + len(rows(door.gateway, agent)) - len(shown()))
    return shown()


def test_the_sdk(provider: Provider, door: Door, agent: Agent) -> None:
    """The real SDK's own connection: turns in sequence, each metered to the token."""

    async def turns() -> list[str]:
        previous, said = None, []
        async with door.async_sdk(agent) as sdk, sdk.responses.connect() as connection:
            for text in ("one", "two", "three"):
                options: Any = {"previous_response_id": previous} if previous else {}
                await connection.response.create(model="gpt-4o-mini", input=text, **options)
                async for event in connection:
                    if event.type == "response.completed":
                        previous = event.response.id
                        said.append(event.response.output_text)
                        break
        return said

    with door.entered(agent):
        assert asyncio.run(turns()) == ["You said: one", "You said: two", "You said: three"]
    found = settled(door.gateway, agent, 4)
    assert [(row["status_code"], row["stream"]) for row in found] == [(101, 0)] + [(200, 1)] * 3
    calls = asked(provider)
    assert [row["actual_nanousd"] for row in found] == [0, *(call.cost() for call in calls)]
    assert all(row["usage_source"] == "provider" for row in found[1:])
    assert account(door.gateway, agent).reserved == 0


def test_async(provider: Provider, door: Door, agent: Agent) -> None:
    """The async SDK, on several connections at once."""

    async def turn(sdk: openai.AsyncOpenAI, text: str) -> str:
        async with sdk.responses.connect() as connection:
            await connection.response.create(model="gpt-4o-mini", input=text)
            async for event in connection:
                if event.type == "response.completed":
                    return event.response.output_text
        raise AssertionError("no answer")

    async def scenario() -> list[str]:
        async with door.async_sdk(agent) as sdk:
            return await asyncio.gather(*(turn(sdk, text) for text in "abc"))

    with door.entered(agent):
        assert asyncio.run(scenario()) == ["You said: a", "You said: b", "You said: c"]
    assert sorted(row["actual_nanousd"] for row in calls_of(door, agent, 3)) == sorted(
        call.cost() for call in asked(provider)
    )


def test_what_is_sent(provider: Provider, door: Door, agent: Agent) -> None:
    """The real key goes in and AEX's token out; a message changes by its cap alone, or not."""
    with socket(door, agent) as ws:
        assert text_of(ask(ws)) == SAID
        ws.send(json.dumps(CREATE))
        answer(ws)
    handshake, first, second = provider.calls()
    assert handshake.header("authorization") == f"Bearer {REAL_KEY}"
    assert agent.token not in str(handshake.headers)
    assert handshake.header("sec-websocket-extensions") is None
    assert first.body == json.dumps(CAPPED)
    assert second.document == {**CREATE, "max_output_tokens": 16384}


def test_prewarming(provider: Provider, door: Door, agent: Agent) -> None:
    """A response that is only prepared reserves no output, and costs what its usage says."""
    with socket(door, agent) as ws:
        ws.send(json.dumps({**CREATE, "input": [], "generate": False}))
        assert [message["type"] for message in answer(ws)][-1] == "response.completed"
        assert text_of(ask(ws)) == SAID
    warm, real = calls_of(door, agent, 2)
    assert (warm["actual_nanousd"], warm["usage_source"]) == (0, "provider")
    assert warm["reserved_nanousd"] < 64 * 600 < real["reserved_nanousd"]
    assert "max_output_tokens" not in asked(provider)[0].document


def test_a_handshake_without_a_token(provider: Provider, door: Door, agent: Agent) -> None:
    """It is a 401 over HTTP, before anything is switched or sent."""
    stranger = Agent(agent.name, "aex_" + "A" * 43, 0)
    with pytest.raises(websockets.InvalidStatus) as raised, socket(door, stranger):
        pass
    assert raised.value.response.status_code == 401
    assert json.loads(raised.value.response.body)["error"]["type"] == "invalid_request_error"
    assert provider.calls() == []


def test_a_provider_that_refuses_the_handshake(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Its own answer reaches the client, and nothing is open afterwards."""
    provider.script(status=403, body='{"error":{"message":"Not you.","type":"x","code":"y"}}')
    with pytest.raises(websockets.InvalidStatus) as raised, socket(door, agent):
        pass
    assert raised.value.response.status_code == 403
    assert b"Not you." in raised.value.response.body
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["status_code"]) == ("RELEASED", 403)


def test_budget(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A call that does not fit is denied in band, once; a smaller one on the same line passes."""
    agent = new_agent("0.0001")
    with socket(door, agent) as ws:
        (denial,) = ask(ws, max_output_tokens=128, input="x" * 5000)
        assert (denial["status"], denial["error"]["code"]) == (429, "insufficient_quota")
        assert agent.name in denial["error"]["message"]
        assert denial["error"]["headers"]["x-should-retry"] == "false"
        assert asked(provider) == []
        assert text_of(ask(ws, max_output_tokens=32)) == SAID
    denied, passed = calls_of(door, agent, 2)
    assert (denied["state"], denied["status_code"]) == ("DENIED", 402)
    assert denied["execution_id"] == denial["error"]["headers"]["x-aex-execution-id"]
    assert passed["actual_nanousd"] == asked(provider)[0].cost()


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Messages count against the rate, the handshake does not."""
    agent = new_agent("5", 1)
    with socket(door, agent) as ws:
        assert text_of(ask(ws)) == SAID
        (denial,) = ask(ws)
    assert (denial["status"], denial["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(denial["error"]["headers"]["retry-after"]) <= 60
    assert len(asked(provider)) == 1


REFUSED: list[tuple[Any, int]] = [
    ({"type": "response.steer", "previous_response_id": "resp_1", "input": "x"}, 403),
    ({"type": "session.update", "session": {}}, 403),
    ({"model": "gpt-4o-mini", "input": "x"}, 403),
    ({**CREATE, "background": True}, 403),
    ({**CREATE, "stream_id": "a"}, 403),
    ({**CREATE, "tools": [{"type": "image_generation"}]}, 403),
    ({**CREATE, "model": "no-such-model"}, 403),
    ({**CREATE, "generate": "no"}, 400),
    ([CREATE], 400),
    ("not JSON", 400),
]


def test_what_is_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """Messages that ask for something else, or cannot be read, never leave; the line stays."""
    with socket(door, agent) as ws:
        for message, status in REFUSED:
            ws.send(message if isinstance(message, str) else json.dumps(message))
            (denial,) = answer(ws)
            assert denial["status"] == status, message
            assert denial["error"]["type"] == "invalid_request_error"
        ws.send(b"\x00\x01")
        assert answer(ws)[0]["status"] == 400
        assert text_of(ask(ws)) == SAID
    assert len(asked(provider)) == 1
    found = calls_of(door, agent, len(REFUSED) + 1)
    assert [row["state"] for row in found] == ["DENIED"] * len(REFUSED) + ["COMMITTED"]


def test_one_at_a_time(provider: Provider, door: Door, agent: Agent) -> None:
    """Messages sent at once are answered in order; only one is ever reserved and sent."""
    provider.script(hold=[2])
    with socket(door, agent) as ws:
        for number in range(3):
            ws.send(json.dumps({**CAPPED, "input": f"n{number}"}))
        ws.send(json.dumps({**CAPPED, "background": True}))
        for number in range(3):
            provider.wait_held()
            assert len(asked(provider)) == number + 1
            assert [row["state"] for row in rows(door.gateway, agent)][-1] == "DISPATCHED"
            provider.script()
            provider.script(hold=[2])
            provider.release()
            assert text_of(answer(ws)) == f"You said: n{number}"
        assert answer(ws)[0]["status"] == 403
    found = calls_of(door, agent, 4)
    assert [row["state"] for row in found] == ["COMMITTED"] * 3 + ["DENIED"]


def test_too_many_at_once(provider: Provider, door: Door, agent: Agent) -> None:
    """What waits is bounded; what is too much is refused at once."""
    provider.script(hold=[1])
    with socket(door, agent) as ws:
        for _ in range(18):
            ws.send(json.dumps(CAPPED))
        denial = answer(ws)[-1]
        assert denial["error"]["code"] == "too_many_waiting"
        provider.script()
        provider.release()
        for _ in range(17):
            assert text_of(answer(ws)) == SAID
    assert len(calls_of(door, agent, 17)) == len(asked(provider)) == 17


@pytest.mark.parametrize("index", [0, 1, 4, 8])
def test_a_client_that_leaves(provider: Provider, door: Door, agent: Agent, index: int) -> None:
    """It pays for what was generated, and the rest is free again."""
    provider.script(hold=[index])
    with socket(door, agent) as ws:
        ws.send(json.dumps(CAPPED))
        provider.wait_held()
        ws.abort()
    provider.wait(lambda calls: calls[-1].gone, "the provider's side closed too")
    (row,) = calls_of(door, agent, 1)
    (call,) = asked(provider)
    assert row["state"] == "COMMITTED"
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]
    assert row["certainty"] == ("estimated" if index else "uncertain")
    assert account(door.gateway, agent).reserved == 0


@pytest.mark.parametrize(("how", "at"), [("rst", 0), ("rst", 4), ("fin", 1), ("fin", 9)])
def test_a_provider_that_leaves(
    provider: Provider, door: Door, agent: Agent, how: str, at: int
) -> None:
    """The client's connection ends too, and no less is booked than was billed."""
    provider.script(cut={"how": how, "at": at})
    with socket(door, agent) as ws, pytest.raises(websockets.ConnectionClosed):
        ask(ws)
    (row,) = calls_of(door, agent, 1)
    assert row["state"] == "COMMITTED"
    assert asked(provider)[0].cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize("usage", ["missing", "null", "string", "negative"])
def test_useless_usage(provider: Provider, door: Door, agent: Agent, usage: str) -> None:
    """Usage that is absent or cannot be true is replaced by an estimate that covers the bill."""
    provider.script(usage=usage)
    with socket(door, agent) as ws:
        assert text_of(ask(ws)) == SAID
    (row,) = calls_of(door, agent, 1)
    assert row["usage_source"] == "estimated"
    assert asked(provider)[0].cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize(("at", "state"), [(0, "RELEASED"), (4, "COMMITTED")])
def test_an_error_of_the_provider(
    provider: Provider, door: Door, agent: Agent, at: int, state: str
) -> None:
    """Instead of an answer it costs nothing, in its middle it ends the answer; the line goes on."""
    provider.script(socket={"error": 429, "at": at})
    with socket(door, agent) as ws:
        assert ask(ws)[-1]["status"] == 429
        provider.script()
        assert text_of(ask(ws)) == SAID
    failed, passed = calls_of(door, agent, 2)
    assert failed["state"] == state
    assert asked(provider)[0].cost() * (at > 0) <= failed["actual_nanousd"]
    assert (passed["state"], passed["certainty"]) == ("COMMITTED", "exact")


def test_an_answer_to_no_call(provider: Provider, door: Door, agent: Agent) -> None:
    """A response that nobody was admitted for ends the connection."""
    provider.script(socket={"unasked": True})
    with socket(door, agent) as ws:
        assert text_of(ask(ws)) == SAID
        assert json.loads(ws.recv())["type"] == "response.created"
        with pytest.raises(websockets.ConnectionClosed) as raised:
            ws.recv()
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1011


def test_extensions_are_not_taken_up(provider: Provider, door: Door, agent: Agent) -> None:
    """A provider that compresses unasked is not believed, and neither side is told to."""
    provider.script(socket={"extensions": "permessage-deflate"})
    with socket(door, agent) as ws:
        assert ws.extensions == []
        assert text_of(ask(ws)) == SAID


def test_two_agents(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """One agent's call under way holds nothing of another's, and each pays its own."""
    slow, quick = new_agent(), new_agent()
    provider.script(hold=[3])
    with socket(door, slow) as held, socket(door, quick) as free:
        held.send(json.dumps(CAPPED))
        provider.wait_held()
        provider.script()
        assert text_of(ask(free, input="quick")) == "You said: quick"
        assert account(door.gateway, quick).reserved == 0 < account(door.gateway, slow).reserved
        (row,) = calls_of(door, quick, 1)
        assert row["actual_nanousd"] == asked(provider)[1].cost()
        provider.release()
        assert text_of(answer(held)) == SAID
    assert calls_of(door, slow, 1)[0]["actual_nanousd"] == asked(provider)[0].cost()


def test_a_token_that_is_taken_back(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Each message is judged anew: an open line is no licence."""
    agent = new_agent()
    with socket(door, agent) as ws:
        assert text_of(ask(ws)) == SAID
        door.gateway.json("agent", "rotate-token", agent.name)
        assert ask(ws)[-1]["status"] == 401
    assert len(asked(provider)) == 1


def test_a_token_that_is_taken_back_in_the_middle(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """Its answer under way ends with a message that says so; another agent's goes on."""
    stopped, other = new_agent(), new_agent()
    provider.script(hold=[3])
    with socket(door, stopped) as ends, socket(door, other) as goes_on:
        for each in (ends, goes_on):
            each.send(json.dumps(CAPPED))
        provider.wait_held(2)
        door.gateway.json("agent", "rotate-token", stopped.name)
        assert answer(ends)[-1]["status"] == 401
        with pytest.raises(websockets.ConnectionClosed) as raised:
            ends.recv()
        provider.release()
        assert text_of(answer(goes_on)) == SAID
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1008
    (row,) = calls_of(door, stopped, 1)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "estimated")
    assert row["actual_nanousd"] >= asked(provider)[0].cost()
    assert calls_of(door, other, 1)[0]["certainty"] == "exact"


def test_a_locked_ledger(provider: Provider, door: Door, agent: Agent) -> None:
    """While the books cannot be kept, messages are refused in band; then they pass again."""
    from tests.end_to_end.test_fail_closed import locked

    with socket(door, agent) as ws:
        with locked(door.gateway):
            (denial,) = ask(ws)
        assert (denial["status"], denial["error"]["code"]) == (503, "gateway_unavailable")
        assert asked(provider) == []
        assert text_of(ask(ws)) == SAID


@pytest.mark.parametrize("path", ["/live/sessions", "/chat/completions"])
def test_other_sockets(provider: Provider, door: Door, agent: Agent, path: str) -> None:
    """An upgrade whose messages are not metered is a 426, as ever."""
    with pytest.raises(websockets.InvalidStatus) as raised, line(door, agent, path):
        pass
    assert raised.value.response.status_code == 426
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_stopping(provider: Provider, new_gateway: Callable[[], Gateway]) -> None:
    """A stop lets the answer under way end, refuses what waits behind it, and books it all."""
    own = new_gateway().start()
    agent, door = own.create_agent(), Door("base_url", own, "")
    provider.script(hold=[3])
    with socket(door, agent) as ws:
        ws.send(json.dumps(CAPPED))
        provider.wait_held()
        with in_thread(own.stop):
            health = f"{own.url}/health"
            poll(lambda: httpx.get(health, trust_env=False).json()["draining"], "it drains")
            ws.send(json.dumps(CAPPED))
            provider.release()
            assert text_of(answer(ws)) == SAID
            assert answer(ws)[0]["status"] == 503
    assert calls_of(door, agent, 1)[0]["actual_nanousd"] == asked(provider)[0].cost()


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same messages through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with socket(door, agent) as ws:
            ask(ws)
            ask(ws, previous_response_id="resp_1")
            ask(ws, background=True)
        settled(gateway, agent, 4)
        found = gateway.executions(agent)
        told.append([{key: row[key] for key in COMPARED} for row in found])
        assert {row["door"] for row in found} == {door.booked_as}
    assert told[0] == told[1]
    assert gateway.audit_passes()
