"""Paths by which a client logs in at an MCP server's host."""

from __future__ import annotations

import json

import pytest

from providers.mcp_other import FREE_PATHS, MCP_FREE, PREFIXES
from providers.wire import Call, Denial, Refused
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


CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}'


@pytest.mark.parametrize(
    "body",
    [
        *(CALL, b" " + CALL, b"[" + CALL + b"]", CALL + CALL, CALL[:-1], b"[" * 100_000),
        *(CALL.replace(b"jsonrpc", b"JSONRPC").replace(b"method", b"Method"),),
        *(
            CALL.replace(b"jsonrpc", b"v"),
            CALL.replace(b"method", b"m"),
            CALL.decode().encode("utf-16"),
        ),
    ],
)
@pytest.mark.parametrize("line", ["POST /register", "POST /token", "GET /authorize"])
def test_a_message_is_no_log_in(line: str, body: bytes) -> None:
    """A server may take it wherever it is sent, so it is refused on a path that is free."""
    method, _, path = line.partition(" ")
    with pytest.raises(Refused) as raised:
        MCP_FREE.read(Call("any", method, path, "", {}, body))
    assert raised.value.denial.code == "not_metered"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"grant_type=authorization_code&code=%7B%22jsonrpc%22%7D",
        b'{"redirect_uris":["http://127.0.0.1/"],"token_endpoint_auth_method":"none"}',
        b"null",
    ],
)
def test_a_log_in_passes(body: bytes) -> None:
    """As a form, and as what a client says of itself."""
    assert MCP_FREE.read(Call("any", "POST", "/register", "", {}, body)).kind == "free"


def test_denials_have_the_shape_of_mcp() -> None:
    """Whole, and in a stream."""
    denial = Denial(403, "not_metered", "m")
    assert json.loads(MCP_FREE.refuse(denial).body)["error"]["message"] == "m"
    assert b"notifications/message" in MCP_FREE.error_event(denial)
