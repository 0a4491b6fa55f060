"""A denial on its way to the client: in its provider's shape, with its agent's quirks.

Owns: choosing the shape for a flow, whichever part of AEX refuses it.
Refuses to know: why it is refused.
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon.calls import response
from aex_addon.doors import CANONICAL, FORMATS
from providers.mcp_errors import reply
from providers.quirks import adjust
from providers.registry import error_format
from providers.wire import Denial


def refuse(flow: http.HTTPFlow, denial: Denial) -> http.Response:
    """The answer; where no provider is concerned, in the shape that most clients read."""
    adjusted = adjust(denial, flow.request.headers.get("user-agent", ""))
    path = str(flow.metadata.get(CANONICAL, ""))
    wire_format = error_format(flow.metadata.get(FORMATS, ()), flow.request.method, path)
    body = flow.request.raw_content or b""
    answer = response(reply(wire_format, adjusted, body))
    if flow.request.method == "HEAD":
        # Its headers speak of the body; bytes of one would be read as the next answer.
        answer.raw_content = b""
    return answer
