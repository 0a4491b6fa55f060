"""A WebSocket whose format keeps a session: what passes for nothing, what is asked, what ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from wsproto.events import CloseConnection

from aex_addon.sockets import Socket
from aex_addon.websocket import Websocket
from providers.openai_realtime_session import RealtimeSession
from providers.session import Session
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Upstream
from tests.aex_addon.ws import Side, accepting, opened

PATH = "/v1/realtime?model=gpt-realtime-mini"
SOUND = {"type": "input_audio_buffer.append", "audio": "AAAA"}
ASK = {"type": "response.create"}


def session(kind: str, detection: Any) -> dict[str, Any]:
    """What the provider says of the session."""
    heard = {"turn_detection": detection, "transcription": None}
    return {"type": f"session.{kind}", "session": {"type": "realtime", "audio": {"input": heard}}}


LOUD, QUIET = ({"type": "server_vad", "create_response": each} for each in (True, False))
CREATED: dict[str, Any] = {"type": "response.created", "response": {"id": "r"}}
USED = {"input_tokens": 5, "output_tokens": 2}
DONE = {"type": "response.done", "response": {"id": "r", "status": "completed", "usage": USED}}
SPOKEN = [{"type": f"input_audio_buffer.{kind}"} for kind in ("speech_stopped", "committed")]


async def test_the_order_of_steps(rig: Rig, provider: Upstream) -> None:
    """Voice detection is quieted before the first sound leaves; who is heard out is answered by a
    call that is reserved before it is asked."""
    heard: list[Any] = []
    states: list[list[str]] = []

    async def talk(side: Side) -> None:
        await side.say(session("created", LOUD))
        heard.append(await side.hear())
        await side.say(session("updated", QUIET))
        heard.append(await side.hear())
        for message in SPOKEN:
            await side.say(message)
        heard.append(await side.hear())
        states.append([row.state for row in rig.executions()])
        for message in (CREATED, DONE):
            await side.say(message)
        await side.hear()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig, PATH) as client:
        await client.say(SOUND)
        told = [await client.hear() for _ in range(5)]
    assert [message["type"] for message in heard] == ["session.update", SOUND["type"], ASK["type"]]
    assert told == [session("created", LOUD), *SPOKEN, CREATED, DONE]
    assert states == [["COMMITTED", "DISPATCHED"]]
    (answered,) = [row for row in rig.executions() if row.status_code == 200]
    assert answered.actual_nanousd == 5 * 10_000 + 2 * 20_000


async def test_what_passes_for_nothing_does_not_wait(rig: Rig, provider: Upstream) -> None:
    """While a response is under way its client may interrupt it."""
    heard: list[Any] = []

    async def talk(side: Side) -> None:
        await side.say(session("created", None))
        heard.append(await side.hear())
        await side.say(CREATED)
        heard.append(await side.hear())
        await side.say(DONE)
        await side.hear()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig, PATH) as client:
        await client.hear()
        await client.say(ASK)
        assert await client.hear() == CREATED
        await client.say({"type": "response.cancel"})
        assert await client.hear() == DONE
    assert [message["type"] for message in heard] == ["response.create", "response.cancel"]


async def test_what_does_not_leave_any_more_is_not_the_call(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was sent may be billed, though a later message for nothing could not be sent."""
    heard, asked, held = Websocket._heard, asyncio.Event(), asyncio.Event()

    async def slowly(
        addon: Websocket, flow: http.HTTPFlow, socket: Socket, kept: Session, message: bytes
    ) -> None:
        if SOUND["type"].encode() in message:
            held.set()
            while flow.server_conn.state & ConnectionState.CAN_READ:  # noqa: ASYNC110 - untold
                await asyncio.sleep(0.001)
        await heard(addon, flow, socket, kept, message)

    async def talk(side: Side) -> None:
        await side.say(session("created", None))
        assert (await side.hear())["type"] == ASK["type"]
        asked.set()
        await held.wait()
        await side.write(side.frames.send(CloseConnection(1011, "overloaded")))
        side.writer.close()

    monkeypatch.setattr(Websocket, "_heard", slowly)
    provider.answers.append(accepting(provider, talk))
    async with opened(rig, PATH) as client:
        await client.hear()
        await client.say(ASK)
        await asked.wait()
        await client.say(SOUND)
        await client.hear()
    (row,) = [row for row in rig.executions() if row.status_code != 101]
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
    assert row.actual_nanousd == row.reserved_nanousd > 0


@pytest.mark.parametrize("name", ["from_client", "from_provider"])
async def test_a_surprise_in_the_session(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever raises: nothing leaves, and the connection ends."""
    heard: list[Any] = []

    def surprise(*_: Any) -> Any:
        raise RuntimeError(name)

    async def talk(side: Side) -> None:
        await side.say(session("created", None))
        heard.append(await side.hear())

    provider.answers.append(accepting(provider, talk))
    monkeypatch.setattr(RealtimeSession, name, surprise)
    async with opened(rig, PATH) as client:
        await client.say(SOUND)
        told = [await client.hear()]
        if told[-1] != 1011:
            told.append(await client.hear())
    assert (told[-1], heard) == (1011, [1011])
