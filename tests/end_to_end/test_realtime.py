"""OpenAI Realtime by the real SDK and by hand, at both doors: each response is a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import openai
import pytest
import websockets

from tests.end_to_end.books import account, nothing_reserved
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.lines import Line, line
from tests.end_to_end.speaking_realtime import SAID, SPEECH
from tests.end_to_end.test_websocket import asked, calls_of
from tests.end_to_end.upstream import Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_realtime")

NewAgent = Callable[..., Agent]
MODEL = "gpt-realtime"
ASK = {"type": "response.create"}
ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}


def cost(call: ProviderCall) -> int:
    """$4 and $32 in, $16 and $64 out; four tokens and five of it are text."""
    heard, said = call.input_tokens - 4, call.output_tokens - 5
    return 4 * 4000 + heard * 32_000 + 5 * 16_000 + said * 64_000


@contextmanager
def session(door: Door, agent: Agent, model: str = MODEL) -> Iterator[Line]:
    """A session that has begun."""
    with line(door, agent, f"/realtime?model={model}") as ws:
        assert hear(ws)["type"] == "session.created"
        yield ws


def hear(ws: Line) -> dict[str, Any]:
    """The next message."""
    return dict(json.loads(ws.recv()))


def say(ws: Line, kind: str, **fields: Any) -> None:
    """One message."""
    ws.send(json.dumps({"type": kind, **fields}))


def until(ws: Line, *kinds: str) -> list[dict[str, Any]]:
    """The messages up to the first of one of these types, an error or not."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in (*kinds, "error"):
        told.append(hear(ws))
    return told


def ended(ws: Line) -> int:
    """The code with which the connection ends now."""
    with pytest.raises(websockets.ConnectionClosed) as raised:
        hear(ws)
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code


def test_the_sdk(provider: Provider, door: Door, agent: Agent) -> None:
    """Its own connection: a session set up, two turns, each metered to the token."""

    async def turns() -> list[str]:
        said = []
        async with door.async_sdk(agent) as sdk, sdk.realtime.connect(model=MODEL) as connection:
            await connection.session.update(
                session={"type": "realtime", "output_modalities": ["text"]}
            )
            for _ in range(2):
                await connection.conversation.item.create(item=ITEM)  # type: ignore[arg-type]
                await connection.response.create()
                text = ""
                async for event in connection:
                    if event.type == "response.output_text.delta":
                        text += event.delta
                    if event.type == "response.done":
                        said.append(text)
                        break
        return said

    with door.entered(agent):
        assert asyncio.run(turns()) == [SAID, SAID]
    found, calls = calls_of(door, agent, 2), asked(provider)
    assert [row["actual_nanousd"] for row in found] == [cost(call) for call in calls]
    assert [row["usage_source"] for row in found] == ["provider"] * 2
    assert found[0]["reserved_nanousd"] == 33_600 * 32_000 + 4096 * 64_000
    assert account(door.gateway, agent).reserved == 0


def test_who_speaks_is_answered(provider: Provider, door: Door, agent: Agent) -> None:
    """Voice detection answers by itself, as the client has it; but each answer was admitted."""
    with session(door, agent) as ws:
        say(ws, "input_audio_buffer.append", audio=SPEECH)
        kinds = [message["type"] for message in until(ws, "response.done")]
        assert kinds[:4] == [
            *(f"input_audio_buffer.{kind}" for kind in ("speech_started", "speech_stopped")),
            *("input_audio_buffer.committed", "response.created"),
        ]
        say(ws, "input_audio_buffer.append", audio=SPEECH)
        assert until(ws, "response.done")[-1]["response"]["status"] == "completed"
    calls = asked(provider)
    assert [call.document["type"] for call in calls] == ["response.create"] * 2
    rows = calls_of(door, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in calls]


def test_a_client_that_wants_no_answer(provider: Provider, door: Door, agent: Agent) -> None:
    """It is heard, and answered when it asks."""
    detection = {"type": "server_vad", "create_response": False}
    heard = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    with session(door, agent) as ws:
        say(ws, "session.update", session=heard)
        told = until(ws, "session.updated")[-1]["session"]["audio"]["input"]
        assert told["turn_detection"] == detection
        say(ws, "input_audio_buffer.append", audio=SPEECH)
        until(ws, "input_audio_buffer.committed")
        assert asked(provider) == []
        ws.send(json.dumps(ASK))
        assert until(ws, "response.done")[-1]["type"] == "response.done"
    assert len(calls_of(door, agent, 1)) == len(asked(provider)) == 1


def test_budget(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """What does not fit is denied in band, in Realtime's own error; the session goes on."""
    agent = new_agent("0.50")
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        denial = hear(ws)
        assert (denial["type"], denial["error"]["type"]) == ("error", "invalid_request_error")
        assert denial["error"]["code"] == "budget_exceeded"
        assert agent.name in denial["error"]["message"]
        say(ws, "input_audio_buffer.append", audio=SPEECH)
        assert until(ws, "response.done")[-1]["error"]["code"] == "budget_exceeded"
        say(ws, "conversation.item.create", item=ITEM)
        assert hear(ws)["type"] == "conversation.item.added"
    assert asked(provider) == []
    assert [row["state"] for row in calls_of(door, agent, 2)] == ["DENIED"] * 2


def test_a_smaller_cap_where_the_budget_is_short(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """It is written into what asks, never above the client's own."""
    agent = new_agent("1.20")
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        until(ws, "response.done")
        say(ws, "response.create", response={"max_output_tokens": 100})
        until(ws, "response.done")
    first, second = (call.document["response"]["max_output_tokens"] for call in asked(provider))
    assert (1024 < first < 4096, second) == (True, 100)
    assert account(door.gateway, agent).reserved == 0


REFUSED: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "x"}}}}},
    {"type": "session.update", "session": {"tools": [{"type": "mcp", "server_label": "x"}]}},
    {"type": "response.create", "response": {"tools": [{"type": "mcp"}]}},
    {"type": "response.create", "response": {"prompt": {"id": "pmpt_1"}}},
    {"type": "transcription_session.update", "session": {}},
]


def test_what_is_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """What would be billed by itself never leaves; the session goes on."""
    with session(door, agent) as ws:
        for message in REFUSED:
            ws.send(json.dumps(message))
            assert hear(ws)["error"]["code"] == "not_metered", message
        ws.send(b"\x00")
        assert hear(ws)["error"]["code"] == "invalid_request"
        ws.send(json.dumps(ASK))
        assert until(ws, "response.done")[-1]["type"] == "response.done"
    assert len(asked(provider)) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/realtime?call_id=rtc_1",
        "/realtime?intent=transcription",
        "/realtime?model=gpt-realtime&call_id=rtc_1",
        "/realtime",
        "/realtime/translations?model=gpt-realtime-translate",
    ],
)
def test_sockets_that_go_around(provider: Provider, door: Door, agent: Agent, path: str) -> None:
    """They are refused at the handshake, with the way that is metered."""
    with pytest.raises(websockets.InvalidStatus) as raised, line(door, agent, path):
        pass
    assert raised.value.response.status_code == 403
    assert b"/v1/realtime?model=" in raised.value.response.body
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_secrets_for_clients_are_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """With one, a client would speak to the provider by itself; so are calls over WebRTC."""
    with door.sdk(agent) as sdk:
        for make in (
            sdk.realtime.client_secrets.create,
            lambda: sdk.realtime.calls.create(sdp="v=0"),
            lambda: sdk.post("/realtime/sessions", body={}, cast_to=object),
        ):
            with pytest.raises(openai.PermissionDeniedError, match="goes around AEX"):
                make()
    assert provider.calls() == []


def test_a_provider_that_does_not_heed(provider: Provider, door: Door, agent: Agent) -> None:
    """Where voice detection stays on, nothing that the client says ever leaves."""
    provider.script(socket={"deaf": True})
    with session(door, agent) as ws:
        # The end may have come already, for the session itself is what is not heeded.
        with suppress(websockets.ConnectionClosed):
            say(ws, "input_audio_buffer.append", audio=SPEECH)
        assert ended(ws) == 1011
    assert asked(provider) == []


def test_a_response_to_no_call(provider: Provider, door: Door, agent: Agent) -> None:
    """It ends the connection."""
    provider.script(socket={"unasked": True})
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        until(ws, "response.done")
        assert hear(ws)["type"] == "response.created"
        assert ended(ws) == 1011


def test_an_error_of_the_provider(provider: Provider, door: Door, agent: Agent) -> None:
    """Where it is about what asked, that costs nothing; the session goes on."""
    provider.script(socket={"error": 400})
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        assert hear(ws)["error"]["message"] == "No."
        provider.script()
        ws.send(json.dumps(ASK))
        until(ws, "response.done")
    failed, passed = calls_of(door, agent, 2)
    assert (failed["state"], passed["state"]) == ("RELEASED", "COMMITTED")


def test_useless_usage(provider: Provider, door: Door, agent: Agent) -> None:
    """It is booked at the reserve."""
    provider.script(usage="null")
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        until(ws, "response.done")
    (row,) = calls_of(door, agent, 1)
    assert row["usage_source"] == "estimated"
    assert row["actual_nanousd"] == row["reserved_nanousd"]


def test_a_client_that_leaves(provider: Provider, door: Door, agent: Agent) -> None:
    """Sound runs ahead of what is heard, so the whole cap is booked."""
    provider.script(hold=[2])
    with session(door, agent) as ws:
        ws.send(json.dumps(ASK))
        provider.wait_held()
        ws.abort()
    provider.wait(lambda calls: calls[-1].gone, "the provider's side closed too")
    (row,) = calls_of(door, agent, 1)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "estimated")
    assert cost(asked(provider)[0]) <= row["actual_nanousd"] == row["reserved_nanousd"]
