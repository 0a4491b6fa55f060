"""Calls over a WebSocket in a gateway of our own: nothing leaves unadmitted, whatever happens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.connection import ConnectionState
from mitmproxy.test import tflow
from wsproto.events import TextMessage

from aex_addon import websocket as websocket_module
from aex_addon.admission import Admission
from aex_addon.books import Books
from aex_addon.early_end import end_early
from aex_addon.guard import PASSED
from aex_addon.inflight import InFlight
from aex_addon.sockets import Socket
from aex_addon.websocket import Websocket
from ledger.state import Execution
from providers.openai_responses_ws import MessageMeter, OpenAIResponsesSocket
from providers.wire import Denial
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.wire import Upstream
from tests.aex_addon.ws import COMPLETED, CREATE, CREATED, DELTA, Side, accepting, echo, opened


def calls(rig: Rig) -> list[Execution]:
    """The rows of the messages, without the handshake's."""
    return [row for row in rig.executions() if row.status_code != 101]


def ended(rig: Rig, count: int = 1) -> list[Execution]:
    """The rows of the messages, none of them still open."""
    rows = calls(rig)
    assert len(rows) == count
    assert {"DISPATCHED", "RESERVED"}.isdisjoint(row.state for row in rows)
    assert not rig.pipeline.sockets
    return rows


async def test_the_order_of_steps(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message is reserved and dispatched, durably, before the provider hears of it; the answer's
    last message waits for the settlement."""
    states: list[str] = []

    async def talk(side: Side) -> None:
        await side.hear()
        states.append(calls(rig)[0].state)
        for message in (CREATED, DELTA, COMPLETED):
            await side.say(message)

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        assert [await client.hear() for _ in range(3)] == [CREATED, DELTA, COMPLETED]
        states.append(calls(rig)[0].state)
    assert states == ["DISPATCHED", "COMMITTED"]
    (row,) = ended(rig)
    assert json.loads(row.usage) == {"input_tokens": 3, "output_tokens": 2}
    assert not rig.pipeline.inflight
    # The handshake and the message.
    observed = rig.pipeline.parts.observed
    for seen in (observed.answer, observed.first_byte):
        assert sum(seen["openai"].counts) == 2


SURPRISES: list[tuple[str, object, str]] = [
    ("the call", Socket, "call"),
    ("the facts", websocket_module, "appraise"),
    ("the format", OpenAIResponsesSocket, "read"),
    ("the command", Admission, "command"),
    ("the ledger", Books, "admit"),
    ("the meter", OpenAIResponsesSocket, "meter"),
    ("the cap", InFlight, "grant"),
    ("the patch", OpenAIResponsesSocket, "patch"),
]


@pytest.mark.parametrize(("stage", "owner", "name"), SURPRISES, ids=lambda value: str(value)[:12])
async def test_a_surprise_before_dispatch(
    rig: Rig,
    provider: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    owner: object,
    name: str,
) -> None:
    """Whatever raises: the message does not leave, the connection ends, nothing stays held."""
    heard: list[Any] = []

    async def talk(side: Side) -> None:
        heard.append(await side.hear())

    def surprise(*_: Any) -> Any:
        raise RuntimeError(stage)

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        monkeypatch.setattr(owner, name, surprise)
        await client.say(CREATE)
        assert await client.hear() == 1011
    monkeypatch.undo()
    rows = ended(rig, len(calls(rig)))
    assert heard == [1011]
    assert [row.state for row in rows] in ([], ["RELEASED"])
    assert rig.agent().reserved_nanousd == rig.agent().spent_nanousd == 0


@pytest.mark.parametrize("name", ["feed", "reading"])
async def test_a_surprise_in_the_answer(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The connection ends, and what was sent is charged."""

    def surprise(*_: Any) -> Any:
        raise RuntimeError(name)

    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        monkeypatch.setattr(MessageMeter, name, surprise)
        await client.say(CREATE)
        assert await client.hear() == 1011
        monkeypatch.undo()
    (row,) = ended(rig)
    assert (row.state, row.actual_nanousd) == ("COMMITTED", row.reserved_nanousd)


async def test_a_client_that_leaves_before_the_verdict(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message is admitted for nobody, never sent, and released."""
    heard: list[Any] = []
    asked, may_go_on = asyncio.Event(), asyncio.Event()
    decide = Admission.decide

    async def slowly(admission: Admission, command: Any) -> Any:
        outcome = await decide(admission, command)
        asked.set()
        await may_go_on.wait()
        return outcome

    async def talk(side: Side) -> None:
        heard.append(await side.hear())

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        monkeypatch.setattr(Admission, "decide", slowly)
        await client.say(CREATE)
        await asked.wait()
        client.writer.close()
        await client.writer.wait_closed()
        (handler,) = rig.master.addons.get("proxyserver").connections.values()
        while handler.client.state & ConnectionState.CAN_READ:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
        may_go_on.set()
    (row,) = ended(rig)
    assert row.state == "RELEASED"
    assert all(isinstance(each, int) for each in heard)


async def test_a_message_that_is_too_large(rig: Rig, provider: Upstream) -> None:
    """It is not waited for: the connection ends while it comes in, and nothing is reserved."""
    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        (frame,) = client.frames_of({**CREATE, "input": "x" * 2_000_000})
        await client.write(frame[:1_500_000])
        assert await client.hear() == 1009
    assert ended(rig, 0) == []


async def test_a_message_in_too_many_frames(rig: Rig, provider: Upstream) -> None:
    """Frames of nothing never come to a size, but each takes room."""
    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        frames = [
            client.frames.send(TextMessage("", message_finished=False)) for _ in range(15_000)
        ]
        await client.write(b"".join(frames))
        assert await client.hear() == 1009
    assert ended(rig, 0) == []


async def test_messages_in_many_frames(rig: Rig, provider: Upstream) -> None:
    """A message is what its frames come to, and goes on as one."""
    asked: list[Any] = []

    async def talk(side: Side) -> None:
        asked.append(await side.hear())
        for message in (CREATED, DELTA, COMPLETED):
            await side.say(message, pieces=3)

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE, pieces=5)
        assert [await client.hear() for _ in range(3)] == [CREATED, DELTA, COMPLETED]
    assert asked == [CREATE]
    assert ended(rig)[0].certainty == "exact"


async def test_a_denial_stays_apart_from_a_message_that_is_coming_in(
    rig: Rig, provider: Upstream
) -> None:
    """What AEX says is a message of its own, even while one of the provider has come by half."""
    told = asyncio.Event()

    async def talk(side: Side) -> None:
        await side.hear()
        first, second = side.frames_of(CREATED, pieces=2)
        await side.write(first)
        await told.wait()
        await side.write(second)
        await side.say(COMPLETED)

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        await client.say(b"\x00")
        assert (await client.hear())["status"] == 400
        told.set()
        assert [await client.hear() for _ in range(2)] == [CREATED, COMPLETED]
    ended(rig)


async def test_no_message_is_kept(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mitmproxy would keep all of them for as long as the connection lives."""
    lengths: list[int] = []
    hook = Websocket.websocket_message

    async def counted(addon: Websocket, flow: Any) -> None:
        await hook(addon, flow)
        lengths.append(len(flow.websocket.messages))

    monkeypatch.setattr(Websocket, "websocket_message", counted)
    rig.master.addons._heard.clear()
    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        for _ in range(3):
            await client.say(CREATE)
            for _ in range(3):
                await client.hear()
    ended(rig, 3)
    assert lengths == [1] * 12


async def test_a_provider_that_goes_beyond_what_was_granted(rig: Rig, provider: Upstream) -> None:
    """Its answer ends with a message that says so, the line too, and what came is booked."""
    endless = {**DELTA, "delta": "x" * 100_000}

    async def talk(side: Side) -> None:
        await side.hear()
        while True:
            await side.say(endless)

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        while (heard := await client.hear()) == endless:
            pass
        assert (heard["status"], heard["error"]["code"]) == (429, "insufficient_quota")
        assert await client.hear() == 1008
    (row,) = ended(rig)
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")
    assert row.actual_nanousd > row.reserved_nanousd


@pytest.mark.parametrize(("agent", "status"), [("codex_exec/1", 400), ("another/1", 423)])
async def test_an_early_end_is_as_the_agent_takes_it_best(
    rig: Rig, provider: Upstream, agent: str, status: int
) -> None:
    """Habits of agents hold for what ends an answer, as for what denies one."""

    async def talk(side: Side) -> None:
        await side.hear()
        await side.say(CREATED)
        await side.hear()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig, user_agent=agent) as client:
        await client.say(CREATE)
        assert await client.hear() == CREATED
        ((flow, inflight),) = rig.pipeline.inflight.items()
        end_early(flow, inflight, Denial(423, "agent_not_serving", "Paused."))
        assert (await client.hear())["status"] == status
        assert await client.hear() == 1008
    assert ended(rig)[0].state == "COMMITTED"


async def test_notices_pass_at_any_time(rig: Rig, provider: Upstream) -> None:
    """What is no answer (a limit, a warning) passes with no call open; an answer does not."""
    notice = {"type": "codex.rate_limits", "plan": "x"}
    warning = {"type": "error", "status": 400, "error": {"code": "connection_limit", "message": ""}}

    async def talk(side: Side) -> None:
        for message in (notice, warning, "no JSON", DELTA):
            await side.say(json.dumps(message) if message == "no JSON" else message)
        await side.hear()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        assert [await client.hear() for _ in range(5)] == [notice, warning, "no JSON", DELTA, 1011]
    assert ended(rig, 0) == []


async def test_the_denial_is_as_the_agent_takes_it_best(rig: Rig, provider: Upstream) -> None:
    """Habits of agents hold here too: what the handshake says of the agent, its messages obey."""
    provider.answers += [accepting(provider, echo), accepting(provider, echo)]
    for agent, status in (("codex_exec/1", 400), ("another/1", 403)):
        async with opened(rig, user_agent=agent) as client:
            await client.say({**CREATE, "background": True})
            assert (await client.hear())["status"] == status


async def test_the_name_of_a_route(tmp_path: Path, provider: Upstream) -> None:
    """An open connection is with one provider; a message that names a route is told so."""
    provider.answers.append(accepting(provider, echo))
    routes = {"fast": {"to": ["openai/gpt-4o-mini"]}}
    async with gateway(tmp_path / "home", provider.port, routes=routes) as rig:
        async with opened(rig) as client:
            await client.say({**CREATE, "model": "fast"})
            told = await client.hear()
            assert (told["status"], told["error"]["code"]) == (403, "route_mismatch")
        (row,) = ended(rig)
        assert (row.state, row.model) == ("DENIED", "fast")


async def test_while_stopping(rig: Rig, provider: Upstream) -> None:
    """No new call is taken on an open connection either."""
    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        rig.pipeline.draining = True
        await client.say(CREATE)
        assert (await client.hear())["status"] == 503
    assert ended(rig, 0) == []


async def test_a_socket_that_was_not_admitted(rig: Rig) -> None:
    """However it came to be: none of its messages passes, unless the flow is none of AEX's."""
    addon = Websocket(rig.pipeline)
    for passed in (False, True):
        flow = tflow.twebsocketflow(messages=True)
        assert flow.websocket is not None
        if passed:
            flow.metadata[PASSED] = True
        await addon.websocket_message(flow)
        assert [message.dropped for message in flow.websocket.messages] == [not passed]
        await addon.websocket_end(flow)
