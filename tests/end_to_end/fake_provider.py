"""The demo provider in its own process, taking orders from the tests.

Owns: the faults that a test can command, the gate that holds an answer until it is released, and
the view of the book that tests read. Refuses to know: AEX. Tests talk to it through
`POST /__control` (a JSON object: `script`, `release`, `reset`) and `GET /__calls`.

A script (its keys are told in `faults`) holds for every call until the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any

from aex_addon.demo_provider import DemoProvider, Exchange
from tests.end_to_end import (
    speaking_anthropic,
    speaking_audio,
    speaking_batches,
    speaking_bedrock,
    speaking_cohere,
    speaking_completions,
    speaking_gemini,
    speaking_hosts,
    speaking_media,
    speaking_mistral,
    speaking_ollama,
    speaking_realtime,
    speaking_responses,
    speaking_sockets,
    speaking_vertex,
)
from tests.end_to_end.faults import bend_event, bend_usage, packer


@dataclass
class FakeExchange(Exchange):
    """An exchange that misbehaves as its script says."""

    script: dict[str, Any] = field(default_factory=dict)
    provider: FakeProvider | None = None
    reader: asyncio.StreamReader | None = None
    packer: Any = None
    held: bool = False
    gone: bool = False
    events: int = 0

    def break_off(self) -> None:
        """Ends the connection as the script says: a reset, or an early end."""
        if self.script["cut"]["how"] == "rst":
            linger = struct.pack("ii", 1, 0)
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
        else:
            self.writer.close()
        raise ConnectionResetError

    def cut_at(self, point: str | int) -> bool:
        return bool(self.script.get("cut", {}).get("at") == point)

    async def head(self, status: int, headers: dict[str, str]) -> None:
        if self.cut_at("before_headers"):
            self.break_off()
        self.packer = packer(self.script.get("encoding"))
        if "encoding" in self.script:
            headers = {**headers, "content-encoding": self.script["encoding"]}
        await super().head(status, headers)
        if self.cut_at("after_headers"):
            self.break_off()

    async def answer(self, status: int, data: bytes) -> None:
        assert self.provider is not None
        await self.provider.gate(self, "headers")
        if "usage" in self.script and status == 200:
            document = json.loads(data)
            bent = bend_usage(self.script["usage"], document.pop("usage", None))
            data = json.dumps(document if bent is ... else {**document, "usage": bent}).encode()
        squeeze = packer(self.script.get("encoding"))
        data = squeeze.process(data) + squeeze.finish()
        if not self.cut_at("body"):
            await super().answer(status, data)
            return
        length = {"content-type": "application/json", "content-length": str(len(data))}
        await self.head(status, length)
        await self.write(data[: len(data) // 2])
        self.break_off()

    async def event(self, data: str) -> None:
        assert self.provider is not None
        running = self.provider.usage(self) if self.script.get("usage") == "cumulative" else None
        for text in bend_event(self.script, data, self.events, running):
            await self.send(text.encode())
        if data == "[DONE]" and (tail := self.packer.finish()):
            await self.chunk(tail)

    async def send(self, payload: bytes) -> None:
        """One whole event, or what the script leaves of it."""
        index, self.events = self.events, self.events + 1
        if self.cut_at(index):
            half = payload[: len(payload) // 2] if self.script["cut"].get("mid") else b""
            if half:
                await self.chunk(self.packer.process(half) + self.packer.flush())
            self.break_off()
        single = self.script.get("sse") == "bytes"
        for part in [bytes([b]) for b in payload] if single else [payload]:
            await self.chunk(self.packer.process(part) + self.packer.flush())

    async def chunk(self, data: bytes) -> None:
        await self.write(b"%x\r\n%s\r\n" % (len(data), data))


# What answers a method and path; patterns match the whole path, without its query.
Spoken = tuple[str, re.Pattern[str], Callable[[Exchange], Awaitable[None]]]

# Each speaks one more API: given the provider, it says which paths it answers, and how.
SPEAKERS: tuple[Callable[[DemoProvider], list[Spoken]], ...] = (
    speaking_gemini.speak,
    speaking_hosts.speak,
    speaking_batches.speaks,
    speaking_anthropic.speak,
    speaking_bedrock.speak,
    speaking_completions.speak,
    speaking_responses.speak,
    speaking_sockets.speak,
    speaking_cohere.speaks,
    speaking_ollama.speaks,
    speaking_media.speaks,
    speaking_mistral.speak,
    speaking_vertex.speak,
    speaking_audio.speaks,
    speaking_realtime.speak,
)


class FakeProvider(DemoProvider):
    """The demo provider under the tests' control, speaking more than one API."""

    def __init__(self, api_key: str | None) -> None:
        super().__init__(api_key)
        self.spoken = [spoken for speaker in SPEAKERS for spoken in speaker(self)]
        self.script: dict[str, Any] = {}
        self.released = asyncio.Event()
        self.readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.readers[writer] = reader
        try:
            await super()._converse(reader, writer)
        finally:
            del self.readers[writer]

    async def receive(self, exchange: Exchange) -> None:
        if exchange.path.startswith("/__"):
            await self.control(exchange)
            return
        known = {item.name: getattr(exchange, item.name) for item in fields(Exchange)}
        reader = self.readers[exchange.writer]
        fake = FakeExchange(**known, script=self.script, provider=self, reader=reader)
        if "status" not in self.script:
            await super().receive(fake)
            return
        self.book.append(fake)
        fake.id = len(self.book)
        data = str(self.script.get("body", "")).encode() + b" " * self.script.get("body_size", 0)
        data += bytes.fromhex(self.script.get("body_hex", ""))
        headers = {"content-type": "application/json", "content-length": str(len(data))}
        await self.gate(fake, "headers")
        await fake.head(self.script["status"], {**headers, **self.script.get("headers", {})})
        await fake.write(data)
        fake.complete = True

    def handler(self, exchange: Exchange) -> Callable[[Exchange], Awaitable[None]] | None:
        path = exchange.path.partition("?")[0]
        for method, pattern, answer in self.spoken:
            if method == exchange.method and pattern.fullmatch(path):
                return answer
        return super().handler(exchange)

    def authorized(self, exchange: Exchange) -> bool:
        keys = [exchange.header(name) for name in ("x-api-key", "api-key", "x-goog-api-key")]
        signed = speaking_bedrock.signed(exchange, self.api_key)
        return signed or self.api_key in keys or super().authorized(exchange)

    async def pace(self, exchange: Exchange, index: int) -> None:
        assert isinstance(exchange, FakeExchange)
        await asyncio.sleep(0)
        await self.gate(exchange, index)

    async def gate(self, exchange: FakeExchange, point: str | int) -> None:
        """Holds the answer here, if scripted, until it is released or its reader has left."""
        held = exchange.script.get("hold", ())
        released = self.released
        exchange.held = point == held or (point != "headers" and point in held)
        while exchange.held and not released.is_set():
            assert exchange.reader is not None
            if exchange.reader.at_eof() or exchange.writer.is_closing():
                exchange.gone, exchange.held = True, False
                raise ConnectionResetError
            try:
                await asyncio.wait_for(released.wait(), 0.02)
            except TimeoutError:
                continue
        exchange.held = False

    def usage(self, exchange: Exchange) -> Any:
        if isinstance(exchange, FakeExchange) and exchange.script.get("usage") == "overrun":
            exchange.output_tokens += 1_000_000
        return super().usage(exchange)

    async def control(self, exchange: Exchange) -> None:
        orders = json.loads(exchange.body or b"{}")
        if orders.get("reset"):
            self.book.clear()
            self.script = {}
        if orders.get("release") or orders.get("reset"):
            self.released.set()
            self.released = asyncio.Event()
        if "script" in orders:
            self.script = orders["script"]
        hidden = {"writer", "body"}
        shown = [item.name for item in fields(Exchange) if item.name not in hidden]
        calls = [
            {name: getattr(call, name) for name in (*shown, "held", "gone", "events")}
            | {"body": call.body[:65536].decode(errors="replace")}
            for call in self.book
        ]
        await exchange.answer(200, json.dumps(calls).encode())


async def serve(api_key: str) -> None:
    provider = FakeProvider(api_key)
    print(json.dumps({"port": await provider.start()}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--api-key", required=True)
    asyncio.run(serve(parser.parse_args().api_key))
