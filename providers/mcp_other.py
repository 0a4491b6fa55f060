"""Paths of an MCP server's host by which a client logs in; they cost nothing, and pass untouched.

Owns: the table, and that no body there is a message of MCP: some server may take those wherever
they are sent. Refuses to know: what else the bodies hold; nothing of them is kept.
Follows https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization: discovery
(RFC 9728, RFC 8414), registration (RFC 7591), tokens, and their withdrawal (RFC 7009).
"""

from __future__ import annotations

import json

from providers import jsonbody, mcp_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Call, Denial, Facts, Reply

_FOUND = "says how to log in"

FREE_PATHS = (
    FreePath("GET HEAD OPTIONS", "/.well-known/{id}", _FOUND, ""),
    FreePath("GET HEAD OPTIONS", "/.well-known/{id}/{id}", _FOUND, ""),
    FreePath("GET HEAD OPTIONS", "/.well-known/{id}/{id}/{id}", _FOUND, ""),
    FreePath("POST", "/register", "makes a client known", ""),
    FreePath("GET POST", "/authorize", "a log-in", ""),
    FreePath("POST", "/token", "a log-in, and its renewal", ""),
    FreePath("POST", "/revoke", "ends a log-in", ""),
)
# What a host's row lets through to this table.
PREFIXES = ("/.well-known", "/register", "/authorize", "/token", "/revoke")
# Keys of a message; what a client says of itself to be registered (RFC 7591) has neither.
_OF_A_MESSAGE = frozenset(("jsonrpc", "method"))


class McpFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for messages and the shape of its errors."""

    def read(self, call: Call) -> Facts:
        """Facts of a free call. Raises Refused (403) where its body may be a message."""
        if _may_be_message(call.body):
            raise jsonbody.not_metered("A message of MCP on a path of the log-in")
        return super().read(call)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as an error of JSON-RPC."""
        return mcp_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as an event of JSON-RPC; none of these answers is a stream."""
        return mcp_errors.events(denial)


def _may_be_message(body: bytes) -> bool:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        # A form begins otherwise.
        return body.lstrip()[:1] in (b"{", b"[")
    each = document if isinstance(document, list) else [document]
    return any(
        key.casefold() in _OF_A_MESSAGE for one in each if isinstance(one, dict) for key in one
    )


MCP_FREE = McpFree("mcp_free", FREE_PATHS)
