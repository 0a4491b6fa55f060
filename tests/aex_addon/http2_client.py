"""A client of HTTP/2 in a tunnel, which opens no window before a test says so.

Owns: one connection, read all the while. Refuses to know: what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Client

HOST = "api.openai.com"


@dataclass
class Http2:
    """`bodies`, `statuses` and `ended` by stream; `unread` bytes whose window is not given back."""

    client: Client
    token: str
    http2: h2.connection.H2Connection
    bodies: dict[int, bytes] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    unread: dict[int, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def flush(self) -> None:
        self.client.writer.write(self.http2.data_to_send())
        await self.client.writer.drain()

    async def head(self, path: str = "/v1/chat/completions", end: bool = False) -> int:
        """Begins a request; its stream."""
        stream = self.http2.get_next_available_stream_id()
        pairs = [(":method", "POST"), (":path", path), (":scheme", "https"), (":authority", HOST)]
        pairs += [("authorization", f"Bearer {self.token}")]
        self.http2.send_headers(stream, pairs, end_stream=end)
        await self.flush()
        return stream

    async def data(self, stream: int, data: bytes, end: bool = False) -> None:
        """Sends it as far as windows let it, and then the rest."""
        while data:
            room = self.http2.local_flow_control_window(stream)
            size = min(room, self.http2.max_outbound_frame_size)
            if size:
                self.http2.send_data(stream, data[:size])
                data = data[size:]
                await self.flush()
            else:
                async with self.news:
                    await self.news.wait()
        if end:
            self.http2.send_data(stream, b"", end_stream=True)
            await self.flush()

    async def ask(self, body: object) -> int:
        """A whole request; its stream."""
        stream = await self.head()
        await self.data(stream, json.dumps(body).encode(), end=True)
        return stream

    async def take(self, stream: int) -> None:
        """From now on all of its answer is taken."""
        self.taken.add(stream)
        if size := self.unread.pop(stream, 0):
            self.http2.acknowledge_received_data(size, stream)
            await self.flush()

    async def answered(self, stream: int) -> tuple[int, bytes]:
        """Its status and body, once it has ended."""
        async with self.news, asyncio.timeout(20):
            await self.news.wait_for(lambda: stream in self.ended)
        return self.statuses[stream], self.bodies.get(stream, b"")

    async def read(self) -> None:
        while data := await self.client.reader.read(65536):
            for event in self.http2.receive_data(data):
                self._heard(event)
            await self.flush()
            async with self.news:
                self.news.notify_all()

    def _heard(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.statuses[event.stream_id] = int(dict(event.headers)[b":status"])
        elif isinstance(event, h2.events.DataReceived):
            stream, size = event.stream_id, event.flow_controlled_length
            self.bodies[stream] = self.bodies.get(stream, b"") + event.data
            if stream in self.taken:
                self.http2.acknowledge_received_data(size, stream)
            else:
                self.unread[stream] = self.unread.get(stream, 0) + size
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.ended.add(event.stream_id)


@asynccontextmanager
async def http2_client(rig: Rig) -> AsyncIterator[Http2]:
    """One whose connection has a wide window, and each stream HTTP/2's own of 64 KiB."""
    client = await Client.open(rig.port)
    assert await client.tunnel(f"{HOST}:443", rig.basic) == 200
    trust = rig.trust()
    trust.set_alpn_protocols(["h2"])
    await client.start_tls(trust, HOST)
    http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    http2.initiate_connection()
    http2.increment_flow_control_window(2**28)
    made = Http2(client, rig.token, http2)
    await made.flush()
    reading = asyncio.ensure_future(made.read())
    async with made.news:
        await made.news.wait()
    try:
        yield made
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await reading
        await client.close()
