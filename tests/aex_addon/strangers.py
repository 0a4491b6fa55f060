"""Servers that AEX knows nothing of, at several addresses of this machine under one port.

Owns: what they saw. Refuses to know: AEX.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

HERE = "127.0.0.2"
THERE = "127.0.0.1"


@dataclass
class Strangers:
    """`heads` by address, in order; `connections` are addresses, in
    order, as is what `arrived` gives."""

    port: int = 0
    heads: dict[str, list[str]] = field(default_factory=dict)
    connections: list[str] = field(default_factory=list)
    arrived: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections.append(address)
        self.arrived.put_nowait(address)
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.heads.setdefault(address, []).append(head)
                if "upgrade: websocket" in head.lower():
                    writer.write(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n")
                    writer.write(b"connection: upgrade\r\n\r\n")
                else:
                    body = address.encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
                    writer.write(b"" if head.startswith("HEAD") else body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _listen(found: Strangers, addresses: Sequence[str]) -> list[asyncio.Server]:
    """One server at each, all at one port. Raises OSError where another program has that port."""
    servers: list[asyncio.Server] = []
    found.port = 0
    try:
        for address in addresses:
            serve = partial(found.serve, address)
            servers.append(await asyncio.start_server(serve, address, found.port))
            found.port = servers[0].sockets[0].getsockname()[1]
    except OSError:
        for server in servers:
            server.close()
        raise
    return servers


@asynccontextmanager
async def strangers(*addresses: str) -> AsyncIterator[Strangers]:
    """One at each address."""
    found, servers = Strangers(), list[asyncio.Server]()
    for again in range(20, -1, -1):
        try:
            servers = await _listen(found, addresses)
            break
        except OSError:
            if not again:
                raise
    try:
        yield found
    finally:
        for server in servers:
            server.close()
        for writer in found.writers:
            writer.close()


def get(url: str, host: str, *lines: str, method: str = "GET") -> bytes:
    """A request with a whole URL, as clients send them to a proxy."""
    return "\r\n".join([f"{method} {url} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()
