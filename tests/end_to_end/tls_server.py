"""An HTTPS (or plain HTTP) server that AEX knows nothing of, with a certificate of its own.

Owns: what it saw, byte by byte as far as heads go. Refuses to know: AEX.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme


@dataclass
class Stranger:
    """A server outside of AEX's provider table."""

    port: int = 0
    body: bytes = b"stranger"
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    ca: trustme.CA = field(default_factory=trustme.CA)

    def client_context(self) -> ssl.SSLContext:
        """Trusts this server's own CA and nothing else."""
        context = ssl.create_default_context(cadata=self.ca.cert_pem.bytes().decode())
        assert len(context.get_ca_certs()) == 1
        return context

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode())
                length = f"content-length: {len(self.body)}\r\n\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n" + length.encode() + self.body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@contextmanager
def stranger(*, tls: bool, address: str = "127.0.0.1") -> Iterator[Stranger]:
    """A running server, in a thread of its own."""
    server = Stranger()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.ca.issue_cert("localhost", "foreign.example", address).configure_cert(context)
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def run() -> None:
        listening = await asyncio.start_server(
            server.serve, address, 0, ssl=context if tls else None
        )
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        async with listening:
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
