"""Paths of an MCP server's host by which a client logs in; they cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Follows https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization: discovery
(RFC 9728, RFC 8414), registration (RFC 7591), tokens, and their withdrawal (RFC 7009).
"""

from __future__ import annotations

from providers import mcp_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Denial, Reply

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


class McpFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for the shape of its errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as an error of JSON-RPC."""
        return mcp_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as an event of JSON-RPC; none of these answers is a stream."""
        return mcp_errors.events(denial)


MCP_FREE = McpFree("mcp_free", FREE_PATHS)
