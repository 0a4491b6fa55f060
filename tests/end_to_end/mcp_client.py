"""The real client of the `mcp` SDK, unmodified, at either door and over either transport.

Owns: how a session is opened. Refuses to know: what is asked in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.mcp_server import HOST

TRANSPORTS = ("streamable", "sse")
PATHS = {"streamable": "/mcp", "sse": "/sse"}


def origin(door: Door, name: str = "desk") -> str:
    """Where a client is pointed, without the path of its transport."""
    return door.origin(HOST.replace("mcp", name), f"/{name}")


@asynccontextmanager
async def session(
    door: Door,
    agent: Agent,
    transport: str = "streamable",
    name: str = "desk",
    auth: httpx.Auth | None = None,
) -> AsyncIterator[ClientSession]:
    """An initialised session; it is told of its proxy by its environment alone."""
    url = origin(door, name) + PATHS[transport]
    headers = {} if door.name == "proxy" else {"authorization": f"Bearer {agent.token}"}
    with door.entered(agent):
        http = httpx.AsyncClient(headers=headers, auth=auth, timeout=30)
        opened: Any = sse_client(url, headers=headers)
        if transport == "streamable":
            opened = streamable_http_client(url, http_client=http if headers or auth else None)
        async with http, opened as streams, ClientSession(*streams[:2]) as made:
            await made.initialize()
            yield made
