"""Both ends of a WebSocket through a gateway, frame by frame.

Owns: a provider that shakes hands and then does as its script says, and a client on raw frames.
Refuses to know: AEX.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from wsproto import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping, TextMessage

from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Client, Script, Upstream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = base64.b64encode(bytes(16)).decode()

CREATE: dict[str, Any] = {
    "type": "response.create",
    "model": "gpt-4o-mini",
    "input": "hi",
    "max_output_tokens": 64,
}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "output": []}}
DELTA = {"type": "response.output_text.delta", "output_index": 0, "delta": "hello"}
USAGE = {"input_tokens": 3, "output_tokens": 2}
COMPLETED = {"type": "response.completed", "response": {"id": "resp_1", "usage": USAGE}}


class Side:
    """One side of a WebSocket, after the handshake."""

    def __init__(
        self, kind: ConnectionType, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.frames = Connection(kind)
        self.reader, self.writer = reader, writer
        self.come: list[Event] = []

    async def say(self, message: object, pieces: int = 1) -> None:
        """A message (JSON, text or bytes), in so many frames."""
        await self.write(*self.frames_of(message, pieces))

    def frames_of(self, message: object, pieces: int = 1) -> list[bytes]:
        """The frames of a message."""
        if isinstance(message, bytes):
            return [self.frames.send(Message(message))]
        text = message if isinstance(message, str) else json.dumps(message)
        size = -(-len(text) // pieces)
        cuts = [text[at : at + size] for at in range(0, len(text), size)]
        return [
            self.frames.send(TextMessage(cut, message_finished=cut is cuts[-1])) for cut in cuts
        ]

    async def write(self, *data: bytes) -> None:
        """Bytes as they are."""
        for each in data:
            self.writer.write(each)
            await self.writer.drain()

    async def hear(self) -> Any:
        """The next whole message, parsed; or the close code, as an int."""
        text = ""
        while True:
            while self.come:
                event = self.come.pop(0)
                if isinstance(event, CloseConnection):
                    return event.code
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        return json.loads(text)
                elif isinstance(event, Ping):
                    await self.write(self.frames.send(event.response()))
            data = await self.reader.read(65536)
            self.frames.receive_data(data or None)
            self.come += self.frames.events()


def accepting(provider: Upstream, talk: Callable[[Side], Awaitable[None]]) -> Script:
    """A provider's answer to the handshake, and what it says and hears afterwards."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = provider.requests[-1].decode().lower()
        assert "upgrade: websocket" in head
        accept = base64.b64encode(hashlib.sha1(KEY.encode() + _GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {accept}", "", ""]
        writer.write("\r\n".join(lines).encode())
        await talk(Side(ConnectionType.SERVER, reader, writer))

    return script


@asynccontextmanager
async def opened(rig: Rig, path: str = "/v1/responses", **headers: str) -> AsyncIterator[Side]:
    """A client's side of a WebSocket at the base-URL door."""
    head = {
        "host": f"127.0.0.1:{rig.port}",
        "authorization": f"Bearer {rig.token}",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items()), "", ""]
    client = await Client.open(rig.port)
    try:
        await client.send("\r\n".join(lines).encode())
        status, _ = await client.head()
        assert status == 101
        yield Side(ConnectionType.CLIENT, client.reader, client.writer)
    finally:
        await client.close()
        await over(rig)


async def over(rig: Rig) -> None:
    """Returns once no connection is left and everything is booked."""
    server = rig.master.addons.get("proxyserver")
    async with asyncio.timeout(20):
        while rig.pipeline.inflight or server.connections:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)


async def echo(side: Side) -> None:
    """A provider that answers each message with one short response."""
    while isinstance(await side.hear(), dict):
        for message in (CREATED, DELTA, COMPLETED):
            await side.say(message)
