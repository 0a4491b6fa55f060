"""Streams and encoded answers: the client's bytes are the provider's, and are metered."""

from __future__ import annotations

import asyncio
import gzip
import json

import brotli
import pytest
import zstandard

from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.test_pipeline import call, only_row
from tests.aex_addon.wire import ANSWER, USAGE, Script, Upstream, connected

STREAM = json.dumps({**CHAT, "stream": True}).encode()
ASKING = json.dumps({**CHAT, "stream": True, "stream_options": {"include_usage": True}}).encode()
TEXT = {"index": 0, "delta": {"content": "hello"}}
EVENTS = [
    b"data: " + json.dumps({"choices": [TEXT]}).encode() + b"\n\n",
    b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n",
    b"data: [DONE]\n\n",
]
SHOWN = EVENTS[0] + EVENTS[2]


def streaming(*pieces: bytes, **headers: str) -> Script:
    """An answer in chunks, each flushed by itself."""
    fields = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = ["HTTP/1.1 200 OK", *(f"{k}: {v}" for k, v in fields.items()), "", ""]

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode())
        for piece in (*pieces, b""):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)

    return script


@pytest.mark.parametrize("cut", [1, 7, 10_000])
async def test_a_stream(rig: Rig, provider: Upstream, cut: int) -> None:
    """Usage is asked for and read, and its event hidden again, wherever chunks are cut."""
    whole = b"".join(EVENTS)
    pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    provider.answers.append(streaming(*pieces))
    answer = await call(rig, body=STREAM)
    assert answer.body == SHOWN
    sent = provider.requests[0].partition(b"\r\n\r\n")
    assert json.loads(sent[2])["stream_options"] == {"include_usage": True}
    assert b"accept-encoding: identity" in sent[0].lower()
    assert json.loads(only_row(rig).usage)["output_tokens"] == 2


async def test_events_one_by_one(rig: Rig, provider: Upstream) -> None:
    """A hidden event that comes by itself does not end the stream for the client."""
    provider.answers += [streaming(*EVENTS), streaming(*EVENTS)]
    async with connected(rig.port) as client:
        for _ in range(2):
            assert (await client.call(rig.request(body=STREAM))).body == SHOWN


async def test_a_stream_is_not_delayed(rig: Rig, provider: Upstream) -> None:
    """An event reaches the client before the next one is made."""
    more = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        writer.write(
            b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(EVENTS[0]), EVENTS[0])
        )
        await more.wait()
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENTS[2]), EVENTS[2]))

    provider.answers.append(script)
    async with connected(rig.port) as client:
        await client.send(rig.request(body=STREAM))
        await client.head()
        assert await client.chunk() == EVENTS[0]
        more.set()
        assert await client.chunk() == EVENTS[2]


async def test_a_client_that_asked_for_usage(rig: Rig, provider: Upstream) -> None:
    """It gets the provider's bytes, all of them, and its body goes out as it came."""
    provider.answers.append(streaming(*EVENTS))
    assert (await call(rig, body=ASKING)).body == b"".join(EVENTS)
    assert provider.requests[0].endswith(ASKING)


ENCODERS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("encoding", ENCODERS)
async def test_an_encoded_answer(rig: Rig, provider: Upstream, encoding: str) -> None:
    """What the client asked to have encoded passes byte for byte while the meter reads it."""
    encoded = ENCODERS[encoding](ANSWER)
    provider.json(encoded, content_encoding=encoding)
    answer = await call(rig, accept_encoding=encoding)
    assert (answer.body, answer.headers["content-encoding"]) == (encoded, encoding)
    assert f"accept-encoding: {encoding}".encode() in provider.requests[0].lower()
    assert only_row(rig).certainty == "exact"


async def test_an_encoded_stream(rig: Rig, provider: Upstream) -> None:
    """A provider that insists on gzip has it taken off, so that the usage can be hidden."""
    encoded = gzip.compress(b"".join(EVENTS))
    provider.answers.append(streaming(encoded[:9], encoded[9:], content_encoding="gzip"))
    answer = await call(rig, body=STREAM, accept_encoding="gzip")
    assert answer.body == SHOWN
    assert "content-encoding" not in answer.headers
    assert only_row(rig).certainty == "exact"


async def test_an_unknown_encoding(rig: Rig, provider: Upstream) -> None:
    """What cannot be read passes untouched, and all that was granted is booked."""
    provider.answers.append(streaming(b"\x00magic", content_encoding="magic"))
    answer = await call(rig, body=STREAM)
    assert (answer.body, answer.headers["content-encoding"]) == (b"\x00magic", "magic")
    row = only_row(rig)
    assert (row.certainty, row.actual_nanousd) == ("estimated", row.reserved_nanousd)
