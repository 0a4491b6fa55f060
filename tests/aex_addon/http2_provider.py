"""A provider that speaks HTTP/2 over TLS, scripted frame by frame.

Owns: one connection after the other, on loopback, with a certificate of its own.
Refuses to know: AEX, formats.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import trustme


@dataclass
class Stream:
    """One request's way back."""

    id: int
    http2: h2.connection.H2Connection
    writer: asyncio.StreamWriter
    sent: bytes = b""

    async def head(self, content_type: str, status: int = 200) -> None:
        pairs = [(":status", str(status)), ("content-type", content_type)]
        self.http2.send_headers(self.id, pairs)
        await self.flush()

    async def data(self, data: bytes, end: bool = False) -> None:
        self.http2.send_data(self.id, data, end_stream=end)
        self.sent += data
        await self.flush()

    async def reset(self, code: int = 2) -> None:
        self.http2.reset_stream(self.id, code)
        await self.flush()

    async def go_away(self, code: int = 0) -> None:
        self.http2.close_connection(code)
        await self.flush()

    async def flush(self) -> None:
        self.writer.write(self.http2.data_to_send())
        await self.writer.drain()


Act = Callable[[Stream], Awaitable[None]]


@dataclass
class Provider:
    """Answers each request with the next act."""

    acts: list[Act] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    port: int = 0
    ca: trustme.CA = field(default_factory=trustme.CA)

    def trust(self, folder: Path) -> str:
        """A file with the certificate authority."""
        path = folder / "provider-ca.pem"
        path.write_bytes(self.ca.cert_pem.bytes())
        return str(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        http2 = h2.connection.H2Connection(config)
        http2.initiate_connection()
        writer.write(http2.data_to_send())
        try:
            while data := await reader.read(65536):
                for event in http2.receive_data(data):
                    if isinstance(event, h2.events.StreamEnded):
                        self.streams.append(Stream(event.stream_id, http2, writer))
                        await self.acts.pop(0)(self.streams[-1])
                writer.write(http2.data_to_send())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def http2_provider() -> AsyncIterator[Provider]:
    """A provider on loopback."""
    provider = Provider()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2"])
    provider.ca.issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=context)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        await server.wait_closed()
