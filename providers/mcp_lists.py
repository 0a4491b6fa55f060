"""Lists of tools, without those that an agent may not call: its model never sees them.

Owns: what is taken out of an answer, and how the answer is written anew. Of all that passes AEX
this is the one thing that hides a part of what a server says; nothing else of it is changed.
Refuses to know: who may call what, and where an answer begins and ends (mcp_meter.py).
List: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#listing-tools

It goes by the form of an answer and not by what was asked: on the stream of the older transport,
and when a stream is resumed, an answer comes apart from its request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Shown = Callable[[str], bool]

_DATA = re.compile(rb"(?:\xef\xbb\xbf)?data(?=[:\r\n]|\Z)")


def messages(data: bytes) -> tuple[Any, list[dict[str, Any]]]:
    """The JSON document, None where there is none; and the messages in it."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None, []
    each = document if isinstance(document, list) else [document]
    return document, [one for one in each if isinstance(one, dict)]


def without_hidden(data: bytes, shown: Shown) -> bytes:
    """The same document, its tools those that are shown; the very bytes where all are."""
    document, found = messages(data)
    hidden = False
    for message in found:
        result = message.get("result")
        tools = result.get("tools") if isinstance(result, dict) else None
        if isinstance(result, dict) and isinstance(tools, list):
            result["tools"] = [tool for tool in tools if _is_shown(tool, shown)]
            hidden = hidden or len(result["tools"]) < len(tools)
    if not hidden:
        return data
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _is_shown(tool: Any, shown: Shown) -> bool:
    name = tool.get("name") if isinstance(tool, dict) else None
    return isinstance(name, str) and shown(name)


def with_data(event: bytes, data: bytes) -> bytes:
    """An event of a stream with this in place of its data, all its other bytes as they were.

    Its last line end may be half of one, whose other half is still to come.
    """
    lines = event.splitlines(keepends=True)
    end = b"\r\n" if b"\r\n" in event else b"\r" if b"\r" in event else b"\n"
    blank = lines.pop() if lines and not lines[-1].strip(b"\r\n") else end
    kept = [line.rstrip(b"\r\n") + end for line in lines if not _DATA.match(line)]
    return b"".join((*kept, b"data: ", data, end, blank))


def homed(endpoint: str, home: str) -> str:
    """Where a client of AEX's own address posts what it would post there at the server's."""
    parts = urlsplit(endpoint)
    query = f"?{parts.query}" if parts.query else ""
    return f"{home}{parts.path}{query}" if parts.path.startswith("/") else endpoint
