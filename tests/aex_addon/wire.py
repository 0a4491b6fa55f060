"""Both ends of a gateway's wire, so simple that a test chooses and sees every byte.

Owns: an HTTP/1.1 client and a scripted provider. Refuses to know: AEX.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ANSWER = json.dumps({"model": "gpt-4o-mini", "choices": [], "usage": USAGE}).encode()

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Answer:
    """An answer as it came over the wire; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        """The stable code of an error in OpenAI's shape."""
        assert {"message", "type", "code"} <= self.json["error"].keys(), self.body
        return self.json["error"]["code"]


class Client:
    """One HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {k.lower(): v.strip() for k, _, v in pairs}

    async def chunk(self) -> bytes:
        size = int(await self.reader.readline(), 16)
        return (await self.reader.readexactly(size + 2))[:size]

    async def answer(self, method: str = "POST") -> Answer:
        """The next whole answer."""
        status, headers = await self.head()
        body = b""
        if method == "HEAD" or status == 204:
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while data := await self.chunk():
                body += data
        elif "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            body = await self.reader.read()
        return Answer(status, headers, body)

    async def call(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def tunnel(self, target: str, basic: str = "") -> int:
        """Asks for a tunnel; the status."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        lines += [f"Proxy-Authorization: {basic}"] if basic else []
        await self.send("\r\n".join([*lines, "", ""]).encode())
        return (await self.head())[0]

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        await self.writer.start_tls(context, server_hostname=name)

    async def close(self) -> None:
        self.writer.close()

    async def ended(self) -> bool:
        """True once the other side has closed; nothing but that may come."""
        return await self.reader.read() == b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A connection for the length of a block."""
    client = await Client.open(port)
    try:
        yield client
    finally:
        await client.close()


@dataclass
class Upstream:
    """A provider that answers each request with the next of its scripted bytes."""

    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes | Script] = field(default_factory=list)
    port: int = 0
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def stop(self) -> None:
        """From now on nobody listens, and open connections end."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.close()

    def json(self, body: bytes = ANSWER, status: int = 200, **headers: str) -> None:
        """The next answer, whole."""
        head = {"content-type": "application/json", "content-length": str(len(body))}
        head |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        self.answers.append("\r\n".join(lines).encode() + body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.writers.discard(writer)


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """A scripted provider on loopback."""
    scripted = Upstream()
    scripted.server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, limit=2**20)
    scripted.port = scripted.server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        scripted.stop()
        await scripted.server.wait_closed()
