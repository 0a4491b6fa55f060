"""Paths by which a client logs in at an MCP server's host."""

from __future__ import annotations

import json

from providers.mcp_other import FREE_PATHS, MCP_FREE, PREFIXES
from providers.wire import Denial
from tests.providers.free_contract import FreePathsContract

COSTLY = [
    *("POST /mcp", "GET /mcp", "DELETE /mcp", "GET /", "GET /sse", "POST /messages"),
    *("POST /.well-known/oauth-protected-resource", "GET /.well-known", "GET /register"),
    *("DELETE /register", "GET /token", "POST /token/x", "GET /.well-known/a/b/c/d"),
    *("POST /mcp/token", "GET /well-known/x", "POST /revoke/"),
]


class TestContract(FreePathsContract):
    """The table keeps the contract."""

    wire_format, paths, costly = MCP_FREE, FREE_PATHS, COSTLY


def test_every_path_is_let_through_to_the_table() -> None:
    """A host's row nests them, and nothing else beside what is MCP's."""
    for path in FREE_PATHS:
        assert any(path.pattern.startswith(prefix) for prefix in PREFIXES)
    assert all(any(path.pattern.startswith(prefix) for path in FREE_PATHS) for prefix in PREFIXES)


def test_denials_have_the_shape_of_mcp() -> None:
    """Whole, and in a stream."""
    denial = Denial(403, "not_metered", "m")
    assert json.loads(MCP_FREE.refuse(denial).body)["error"]["message"] == "m"
    assert b"notifications/message" in MCP_FREE.error_event(denial)
