"""A real MCP server, of the `mcp` SDK: both transports, under uvicorn, in a thread of the tests.

Owns: its tools, what it was asked, and the gates by which a test holds its work.
Refuses to know: gateways, agents, prices.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.types import JSONRPCMessage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tests.end_to_end.mcp_login import Authority, settings
from tests.end_to_end.processes import poll

# Each server has its own name in the place of `mcp`.
HOST = "mcp.example.com"

TABLE = """
[mcp.{name}]
url = "{url}/mcp"
paths = ["/sse", "/messages"]
hosts = ["{name}.example.com"]
tools = {{ add = "0.01", erase = "0.5", fail = "0.002", work = "0.03" }}
"""


def table(name: str, url: str) -> str:
    """A server of this name in aex.toml, with prices for the tools below."""
    return TABLE.format(name=name, url=url)


@dataclass
class Seen:
    """One request, as it reached the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class McpServer:
    """Listens from `start` to `stop`. `gate` holds the tool `work` after its first report; with an
    `authority`, agents log in. Where streams can be `resumed`, `work` ends that of its answer."""

    json_answers: bool = False
    resumed: bool = False
    authority: Authority | None = None
    seen: list[Seen] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def start(self) -> McpServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._app(), log_level="critical", ws="none", lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        poll(lambda: self._server.started, "the MCP server")
        return self

    def stop(self) -> None:
        self.gate.set()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def reset(self) -> None:
        self.seen.clear()
        self.ran.clear()
        self.gate.clear()

    def _app(self) -> Starlette:
        tools = _tools(self)
        app = tools.streamable_http_app()
        if self.authority is None:
            app.router.routes.extend(tools.sse_app().routes)
        app.add_middleware(_Recording, server=self)
        return app


class _Kept(EventStore):
    """All that was ever said, of every stream."""

    def __init__(self) -> None:
        self._said: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._said.append((stream_id, message))
        return str(len(self._said))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str:
        stream, _ = self._said[int(last_event_id) - 1]
        for number, (each, message) in enumerate(self._said, start=1):
            if each == stream and number > int(last_event_id) and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class _Recording:
    """Notes each request, its body included."""

    def __init__(self, app: Starlette, server: McpServer) -> None:
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        note = Seen(request.method, request.url.path, dict(request.headers))
        self._server.seen.append(note)

        async def noted() -> object:
            message = await receive()
            note.body += message.get("body", b"")
            return message

        await self._app(scope, noted, send)  # type: ignore[arg-type]


def _tools(server: McpServer) -> FastMCP:
    closed: dict[str, Any] = {}
    if server.authority is not None:
        closed = {"auth_server_provider": server.authority, "auth": settings()}
    if server.resumed:
        closed |= {"event_store": _Kept(), "retry_interval": 10}
    tools = FastMCP("desk", json_response=server.json_answers, **closed)

    @tools.tool()
    def add(a: int, b: int) -> int:
        """Adds."""
        server.ran.append("add")
        return a + b

    @tools.tool()
    def erase(name: str) -> str:
        """Erases."""
        server.ran.append("erase")
        return f"{name} is gone"

    @tools.tool()
    def fail() -> str:
        """Fails."""
        server.ran.append("fail")
        raise RuntimeError("it broke")

    @tools.tool()
    async def work(ctx: Context) -> str:  # type: ignore[type-arg]
        """Reports, waits, and is done."""
        server.ran.append("work")
        await ctx.report_progress(1, 2, "half")
        if server.resumed:
            await ctx.close_sse_stream()
        await asyncio.to_thread(server.gate.wait, 30)
        return "done"

    @tools.resource("note://one")
    def note() -> str:
        """A note."""
        return "a note"

    return tools
