"""The `mcp` SDK of a version that AEX's own pins do not allow, both ends of it: stateless requests
as of 2026-07-28. Run as a program: PORT of its server, and the URL that its client is given.

Owns: one list of tools, one call of each, as a line of JSON. Refuses to know: gateways.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any

import uvicorn
from mcp import Client  # type: ignore[attr-defined]
from mcp.server.mcpserver import MCPServer  # type: ignore[import-not-found]


def serve(port: int) -> None:
    """In a thread, until the program ends."""
    server = MCPServer("desk")
    server.tool(name="add")(lambda a=0, b=0: a + b)
    server.tool(name="erase")(lambda: "gone")
    config = uvicorn.Config(server.streamable_http_app(), "127.0.0.1", port, log_level="critical")
    running = uvicorn.Server(config)
    threading.Thread(target=running.run, daemon=True).start()
    while not running.started:
        threading.Event().wait(0.01)


async def ask(url: str) -> dict[str, Any]:
    """What the client is told."""
    told: dict[str, Any] = {}
    async with Client(url) as client:
        told["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        answer = await client.call_tool("add", {"a": 1, "b": 2})
        told["add"] = answer.content[0].text
        try:
            await client.call_tool("erase", {})
        except Exception as error:
            told["error"] = str(error)
        told["version"] = client.protocol_version
    return told


if __name__ == "__main__":
    serve(int(sys.argv[1]))
    sys.stdout.write(json.dumps(asyncio.run(ask(sys.argv[2]))))
