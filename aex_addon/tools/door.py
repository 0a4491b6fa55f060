"""The one way out of a sandbox: the gateway's proxy door, as the agent who had the tool called.

Owns: what a tool with `network = "full"` finds in its environment, and joining its connections with
the gateway. Refuses to know: what the gateway makes of them.

So what a tool sends is held to the budget, the caps and the egress rules of its agent, and recorded
as the agent's own calls are. No other address can be reached: neither the machine's own ports nor
sockets without a path are in the sandbox's network.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from mitmproxy.utils.asyncio_utils import create_task

from aex_addon.around.jail import pump
from certs.env import agent_environment, proxy_url

PORT = 8080
BUNDLE = Path("/aex/ca-bundle.pem")
# Each is two descriptors of the gateway.
CONNECTIONS_MAX = 64

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Is told from where a connection comes, before it is made.
Coming = Callable[[tuple[str, int]], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Door:
    """The gateway's address, the agent, a token of it that ends with the run, and AEX's roots.

    coming: has the gateway know the tool's connections, which would else be anybody's.
    """

    host: str
    port: int
    agent: str
    token: str = field(repr=False)
    bundle: Path
    coming: Coming


def environment(door: Door) -> Mapping[str, str]:
    """The variables by which programs find the proxy and the roots."""
    url = proxy_url(door.agent, door.token, "127.0.0.1", PORT)
    change = agent_environment(
        url, "", BUNDLE, BUNDLE, door.token, {}, base_urls={}, key_variables=()
    )
    return change.set


@contextlib.asynccontextmanager
async def opened(doors: list[socket.socket], door: Door | None) -> AsyncIterator[None]:
    """Joins whoever connects to a socket of the sandbox with the gateway, while the block runs."""
    if door is None:
        for each in doors:
            each.close()
        yield
        return
    joined: set[asyncio.Task[None]] = set()

    def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(joined) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        task = create_task(_join(door, reader, writer), name="aex tool", keep_ref=True)
        joined.add(task)
        task.add_done_callback(joined.discard)

    servers = [await asyncio.start_server(join, sock=each) for each in doors]
    try:
        yield
    finally:
        for server in servers:
            server.close()
        for task in joined:
            task.cancel()
        if joined:
            await asyncio.wait(joined)


async def _join(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    ends = [writer]
    try:
        far_reader, far_writer = await _dialled(door)
        ends.append(far_writer)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    except OSError:
        writer.transport.abort()
    finally:
        for each in ends:
            each.close()


async def _dialled(door: Door) -> Streams:
    """A connection to the gateway, from an end that it was told of. Raises OSError."""
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    dialled = socket.socket(family)
    try:
        dialled.setblocking(False)
        # The gateway's own address is one of this machine's.
        dialled.bind((door.host, 0))
        with door.coming(dialled.getsockname()[:2]):
            await asyncio.get_running_loop().sock_connect(dialled, (door.host, door.port))
        return await asyncio.open_connection(sock=dialled)
    except BaseException:
        dialled.close()
        raise
