"""A WebSocket of an agent: the real client, told of the door by its environment.

Owns: the loop that the client runs in, so that a scenario can be told in plain steps.
The client is the asynchronous one. The synchronous one reads and writes its TLS connection from
two threads at once, and its first request is lost about once in a hundred connections, to any
server; without TLS it is sound.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.end_to_end.doors import TIMEOUT, Door
from tests.end_to_end.gateway import Agent


class Line:
    """One open WebSocket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: ClientConnection) -> None:
        self._loop = loop
        self._client = client

    @property
    def extensions(self) -> list[Any]:
        """What was agreed on, such as compression."""
        return list(self._client.protocol.extensions)

    def send(self, message: str | bytes) -> None:
        """Says it as one message, of text or of bytes."""
        _run(self._loop, self._client.send(message))

    def recv(self) -> str | bytes:
        """The next message; TimeoutError, or websockets.ConnectionClosed."""
        return _run(self._loop, self._client.recv())

    def abort(self) -> None:
        """Leaves without a word."""
        self._loop.call_soon_threadsafe(self._client.transport.abort)


@contextmanager
def line(door: Door, agent: Agent, path: str, key: str | None = None) -> Iterator[Line]:
    """A connection to the path through the door; websockets.InvalidStatus if it is refused."""
    url = f"{door.base_url}{path}".replace("http", "ws", 1)
    headers = {"authorization": f"Bearer {key or door.key(agent)}"}

    async def opened() -> ClientConnection:
        return await connect(url, additional_headers=headers, open_timeout=TIMEOUT)

    with _loop() as loop, door.entered(agent):
        client = _run(loop, opened())
        try:
            yield Line(loop, client)
        finally:
            _run(loop, client.close())


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT)
        loop.close()


def _run[Answer](loop: asyncio.AbstractEventLoop, work: Awaitable[Answer]) -> Answer:
    async def bounded() -> Answer:
        return await asyncio.wait_for(work, TIMEOUT)

    return asyncio.run_coroutine_threadsafe(bounded(), loop).result()
