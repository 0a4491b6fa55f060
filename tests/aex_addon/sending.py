"""A provider's raw connection with a recorded answer to send, and a client that takes what comes.

Owns: both ends of one answer, however it ends. What goes wrong on its way is in faults.py.
Refuses to know: any one format, AEX. Scripts are run by wire.py.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache

import brotli
import zstandard

from tests.aex_addon.wire import Client, Script
from tests.providers.usage_bent import events

BOMB_BYTES = 64 * 2**20


@dataclass
class Sender:
    """A provider's connection, with an answer to send.

    sent:    what of the answer's body went out.
    stalled: nothing more will come.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    content_type: str
    answer: bytes
    sent: bytes = b""
    stalled: bool = False

    async def head(self, status: int = 200, **headers: str) -> None:
        """Chunked, unless the headers say otherwise."""
        fields = {"content-type": self.content_type, "transfer-encoding": "chunked"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        await self.raw("\r\n".join([f"HTTP/1.1 {status} Scripted", *lines, "", ""]).encode())

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.raw(b"%x\r\n%s\r\n" % (len(data), data))
            self.sent += data

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def whole(self) -> None:
        """The answer, event by event, and its end."""
        await self.head()
        for event in events(self.answer):
            await self.chunk(event.raw)
        await self.end()

    async def reset(self) -> None:
        """The connection breaks."""
        linger = struct.pack("ii", 1, 0)
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()
        raise ConnectionResetError

    async def stall(self) -> None:
        """Nothing more, until the other side gives up."""
        self.stalled = True
        await self.reader.read()

    async def fin(self) -> None:
        """The connection ends."""
        self.writer.close()
        raise ConnectionResetError


Act = Callable[[Sender], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """A fault. A client gets the whole answer, or a prefix of what was sent.

    whole:  the answer comes through, as it was sent, with a proper end.
    status: of the answer.
    """

    act: Act
    whole: bool = False
    status: int = 200


@dataclass
class Taken:
    """What a client got: the status (0 without one), the body, and whether it came to its end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False


async def take(client: Client, taken: Taken) -> None:
    """Reads one answer, however it ends."""
    try:
        taken.status, taken.headers = await client.head()
        if taken.headers.get("transfer-encoding") == "chunked":
            while data := await client.chunk():
                taken.body += data
        elif "content-length" in taken.headers:
            length = int(taken.headers["content-length"])
            taken.body = await client.reader.readexactly(length)
        elif taken.status != 204:
            taken.body = await client.reader.read()
        taken.ended = True
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        taken.ended = False


def playing(fault: Fault, content_type: str, answer: bytes, sent: list[Sender]) -> Script:
    """The script of a fault; the list gets its sender."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(Sender(reader, writer, content_type, answer))
        await fault.act(sent[-1])

    return script


@cache
def packed(encoding: str, size: int = BOMB_BYTES) -> bytes:
    """White space of this size, packed."""
    data = b" " * size
    if encoding == "gzip":
        packer = zlib.compressobj(wbits=31)
        return packer.compress(data) + packer.flush()
    if encoding == "deflate":
        return zlib.compress(data)
    return brotli.compress(data, quality=1) if encoding == "br" else zstandard.compress(data)
