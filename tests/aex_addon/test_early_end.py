"""aex_addon/early_end.py: calls that end before their end, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from mitmproxy import http

from aex_addon import early_end
from aex_addon.early_end import end_early
from aex_addon.pipeline import Pipeline
from providers.wire import Denial
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.test_http_layer import h2
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected

STREAM = json.dumps({**CHAT, "stream": True}).encode()
EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "hello"}}]}\n\n'
WHY = Denial(423, "agent_not_serving", "Agent 'bot' is not serving calls.", "Ask the operator.")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def nothing_crashed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """mitmproxy logs what its layers raise, and goes on."""
    yield
    assert [each.message for each in caplog.get_records("call") if each.levelname == "ERROR"] == []


@dataclass
class Answering:
    """A provider's answer that the test writes piece by piece."""

    began: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.began.set()
        try:
            await reader.read()
        finally:
            self.closed.set()

    async def write(self, data: bytes) -> None:
        await self.began.wait()
        assert self.writer is not None
        self.writer.write(data)
        await self.writer.drain()

    async def piece(self, data: bytes) -> None:
        await self.write(b"%x\r\n%s\r\n" % (len(data), data))


def end(rig: Rig, why: Denial = WHY) -> None:
    """Ends all that is under way."""
    for flow, inflight in list(rig.pipeline.inflight.items()):
        end_early(flow, inflight, why)


async def streaming(rig: Rig, provider: Upstream, client: Client, *sent: bytes) -> Answering:
    """A stream that has got so far; the client has read it."""
    answering = Answering()
    provider.answers.append(answering)
    await client.send(rig.request(body=STREAM))
    await answering.write(HEAD)
    assert (await client.head())[0] == 200
    for piece in sent:
        await answering.piece(piece)
        assert await client.chunk() == piece
    return answering


def said(event: bytes) -> Any:
    """The error of an error event."""
    return json.loads(event.removeprefix(b"data: "))["error"]


async def ended(rig: Rig, answering: Answering) -> Any:
    """The row, once the call is over; the provider has been left by then."""
    await asyncio.wait_for(answering.closed.wait(), 5)
    (row,) = rig.executions()
    assert not rig.pipeline.inflight
    assert rig.agent().reserved_nanousd == 0
    return row


async def test_a_stream_between_two_events(rig: Rig, provider: Upstream) -> None:
    """Its last event is the error, its end is an end, and it is booked as far as it came."""
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT, EVENT)
        end(rig)
        error = said(await client.chunk())
        assert (error["code"], error["type"]) == ("agent_not_serving", "invalid_request_error")
        assert await client.chunk() == b""
        row = await ended(rig, answering)
        provider.json()
        assert (await client.call(rig.request())).body == ANSWER
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")
    assert row.reason == "ended early: Agent 'bot' is not serving calls."
    assert 0 < row.actual_nanousd <= row.reserved_nanousd
    assert json.loads(row.usage)["output_tokens"] <= 64


async def test_before_the_first_event(rig: Rig, provider: Upstream) -> None:
    """A stream that has only its headers gets the error as its one event."""
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client)
        end(rig)
        assert said(await client.chunk())["code"] == "agent_not_serving"
        assert await client.chunk() == b""
        await ended(rig, answering)


async def test_in_the_middle_of_an_event(rig: Rig, provider: Upstream) -> None:
    """The event comes to its end first; what was sent after it is not passed on."""
    asking = json.dumps({**CHAT, "stream": True, "stream_options": {"include_usage": True}})
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(rig.request(body=asking.encode()))
        await answering.write(HEAD)
        await client.head()
        await answering.piece(EVENT[:20])
        assert await client.chunk() == EVENT[:20]
        end(rig)
        await answering.piece(EVENT[20:] + EVENT)
        assert await client.chunk() == EVENT[20:]
        assert said(await client.chunk())["code"] == "agent_not_serving"
        assert await client.chunk() == b""
        await ended(rig, answering)


async def test_an_event_that_never_ends(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that stalls within an event is not waited for: the stream breaks off."""
    monkeypatch.setattr(early_end, "EVENT_PATIENCE_S", 0.01)
    asking = json.dumps({**CHAT, "stream": True, "stream_options": {"include_usage": True}})
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(rig.request(body=asking.encode()))
        await answering.write(HEAD)
        await client.head()
        await answering.piece(EVENT[:20])
        assert await client.chunk() == EVENT[:20]
        end(rig)
        assert await client.ended()
        row = await ended(rig, answering)
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")


async def test_a_call_without_an_answer(rig: Rig, provider: Upstream) -> None:
    """It is answered with the denial; the provider may have billed, so the reserve is booked."""
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(rig.request())
        await answering.began.wait()
        end(rig)
        answer = await client.answer()
        assert (answer.status, answer.code) == (423, "agent_not_serving")
        assert answer.headers["x-should-retry"] == "false"
        row = await ended(rig, answering)
        provider.json()
        assert (await client.call(rig.request())).body == ANSWER
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
    assert row.actual_nanousd == row.reserved_nanousd > 0


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
async def test_an_answer_that_is_no_stream(rig: Rig, provider: Upstream, path: str) -> None:
    """Half a document cannot be ended: the connection breaks."""
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(rig.request(path))
        await answering.write(HEAD.replace(b"text/event-stream", b"application/json"))
        await client.head()
        await answering.piece(b'{"a')
        assert await client.chunk() == b'{"a'
        end(rig)
        assert await client.ended()
        row = await ended(rig, answering)
    metered = path != "/v1/files"
    assert row.actual_nanousd == (row.reserved_nanousd if metered else 0)


async def test_while_the_answer_begins(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that comes with the answer's headers ends the stream all the same."""
    begin = Pipeline.responseheaders

    async def ordering(pipeline: Pipeline, flow: http.HTTPFlow) -> None:
        end(rig)
        await begin(pipeline, flow)

    monkeypatch.setattr(Pipeline, "responseheaders", ordering)
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client)
        assert said(await client.chunk())["code"] == "agent_not_serving"
        assert await client.chunk() == b""
        await ended(rig, answering)


async def test_it_is_ended_once(rig: Rig, provider: Upstream) -> None:
    """A second order changes nothing, and neither does one that comes after the end."""
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        underway = list(rig.pipeline.inflight.items())
        end(rig)
        end(rig, Denial(401, "token_revoked", "Another reason."))
        assert said(await client.chunk())["code"] == "agent_not_serving"
        assert await client.chunk() == b""
        row = await ended(rig, answering)
        for flow, inflight in underway:
            end_early(flow, inflight, WHY)
        provider.json()
        assert (await client.call(rig.request())).body == ANSWER
    assert "Another" not in row.reason


async def test_a_client_that_has_gone(rig: Rig, provider: Upstream) -> None:
    """An order for a call whose connection is no more is dropped."""
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        (flow, inflight) = next(iter(rig.pipeline.inflight.items()))
    await ended(rig, answering)
    inflight.settled = False
    end_early(flow, inflight, WHY)


async def endless(answering: Answering, event: Callable[[int], bytes]) -> int:
    """Sends events for as long as anyone takes them; how many bytes that were."""
    number = sent = 0
    await answering.write(HEAD)
    while not answering.closed.is_set():
        data = event(number)
        try:
            await answering.piece(data)
        except ConnectionError:
            break
        number, sent = number + 1, sent + len(data)
        await asyncio.sleep(0)
    return sent


def silent(number: int) -> bytes:
    return b'data: {"choices": [{"index": 0, "delta": {"content": "%s"}}]}\n\n' % (b"x" * 4000)


def telling(number: int) -> bytes:
    usage = {"prompt_tokens": 5, "completion_tokens": 100 * number}
    delta = {"index": 0, "delta": {"content": "x" * 50}}
    return b"data: " + json.dumps({"choices": [delta], "usage": usage}).encode() + b"\n\n"


async def read_all(client: Client) -> list[bytes]:
    chunks = []
    while chunk := await client.chunk():
        chunks.append(chunk)
    return chunks


@pytest.mark.parametrize(("event", "limit"), [(silent, 200_000), (telling, 20_000)])
async def test_a_provider_that_ignores_its_cap(
    rig: Rig, provider: Upstream, event: Callable[[int], bytes], limit: int
) -> None:
    """A stream without an end is ended, and more than its reserve is booked, no less than sent."""
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(rig.request(body=STREAM))
        sending = asyncio.ensure_future(endless(answering, event))
        await client.head()
        chunks = await asyncio.wait_for(read_all(client), 20)
        assert said(chunks[-1])["code"] == "reserve_exceeded"
        assert all(chunk.endswith(b"\n\n") for chunk in chunks)
        row = await ended(rig, answering)
        await sending
    assert sum(map(len, chunks)) < limit
    assert row.actual_nanousd > row.reserved_nanousd
    tokens = json.loads(row.usage)["output_tokens"]
    assert tokens > 64
    assert row.certainty == "estimated"


async def test_http2(rig: Rig, provider: Upstream) -> None:
    """Over HTTP/2 a stream ends the same way, and the connection serves the next call."""
    url = "https://api.openai.com/v1/chat/completions"
    answering = Answering()
    provider.answers.append(answering)
    piece = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
    writing = asyncio.ensure_future(answering.write(HEAD + piece))
    async with h2(rig) as client:
        async with client.stream("POST", url, content=STREAM) as answer:
            reading = answer.aiter_raw()
            first = await anext(reading)
            end(rig)
            rest = [chunk async for chunk in reading]
            await writing
        row = await ended(rig, answering)
        provider.json()
        assert (await client.post(url, json=CHAT)).content == ANSWER
    assert first == EVENT
    assert said(b"".join(rest))["code"] == "agent_not_serving"
    assert row.state == "COMMITTED"
