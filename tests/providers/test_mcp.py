"""The wire format of MCP: which requests are calls of tools, and what they are to caps."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers.mcp import MCP
from providers.mcp_messages import LISTEN
from providers.mcp_meter import McpFacts
from providers.wire import Call, Denial, Grant, Refused
from tests.providers.contract import Case, WireFormatContract

POST = Call("desk", "POST", "/mcp", "", {}, b"")


def facts(document: Any, method: str = "POST") -> McpFacts:
    """What is read of a body."""
    body = b"" if document is None else json.dumps(document).encode()
    found = MCP.read(replace(POST, method=method, body=body))
    assert isinstance(found, McpFacts)
    return found


def call(id_: Any = 1, tool: str = "add") -> dict[str, Any]:
    params = {"name": tool, "arguments": {}}
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}


class TestContract(WireFormatContract):
    """MCP keeps the contract."""

    wire_format = MCP
    default = Call("mcp", "POST", "/mcp", "", {}, b"")

    def facts(self, case: Case) -> McpFacts:
        found = MCP.read(case.call(self.default))
        assert isinstance(found, McpFacts)
        return replace(found, prices=(Decimal("0.01"),) * len(found.calls))


@pytest.mark.parametrize(
    ("method", "path", "claimed"),
    [
        *(("POST", "/mcp", True), ("GET", "/mcp", True), ("DELETE", "/mcp/", True)),
        *(("PUT", "/mcp", False), ("POST", "/mcp//", False), ("POST", "/mcp/x", False)),
        *(("POST", "/MCP", False), ("post", "/mcp", False), ("OPTIONS", "/mcp", False)),
    ],
)
def test_what_it_claims(method: str, path: str, claimed: bool) -> None:
    """The three methods of the transport, and the one path."""
    assert MCP.claims(replace(POST, method=method, path=path)) is claimed


def test_a_call_of_a_tool_is_metered() -> None:
    """It has the tool's name, and is to caps a tool that its server runs."""
    found = facts(call())
    assert (found.kind, found.endpoint, found.model) == ("metered", "tools/call", "add")
    assert found.calls == ((1, "add"),)
    assert found.uses is not None
    assert found.uses.server_tools == {"desk/add"}
    assert found.uses.functions == found.uses.media == frozenset()


def test_a_batch_is_one_call_of_all_its_tools() -> None:
    """Each counts, also one that is called twice; the rest of the batch is free."""
    listing = {"jsonrpc": "2.0", "id": 9, "method": "tools/list"}
    found = facts([listing, call(1, "b"), call("1", "a"), call(3, "b")])
    assert (found.kind, found.endpoint, found.model) == ("metered", "tools/call", "a, b")
    assert [tool for _, tool in found.calls] == ["b", "a", "b"]
    assert found.charges == {"tool_calls": 3}
    assert found.lists == (9,)
    assert found.uses is not None
    assert found.uses.server_tools == {"desk/a", "desk/b"}


@pytest.mark.parametrize(
    ("document", "method", "endpoint"),
    [
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/read"}, "POST", "resources/read"),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, "POST", "notification"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, "POST", "answer"),
        (None, "GET", "listen"),
        ({"jsonrpc": "2.0", "id": 1, "method": LISTEN}, "POST", LISTEN),
        (None, "DELETE", "end of session"),
    ],
)
def test_all_else_is_free(document: Any, method: str, endpoint: str) -> None:
    """Whatever else a client may say; a stream of the server's own is one."""
    found = facts(document, method)
    assert (found.kind, found.endpoint, found.model) == ("free", endpoint, None)
    assert found.listens is (endpoint in ("listen", LISTEN))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_none_belongs(method: str) -> None:
    """Some server might carry it out."""
    with pytest.raises(Refused):
        facts(call(), method)


def test_the_body_is_never_changed() -> None:
    """There is nothing to be capped; a denial answers the requests of the body."""
    request = replace(POST, body=json.dumps(call("x")).encode())
    assert MCP.patch(request, MCP.read(request), Grant(5)) is request.body
    denial = Denial(403, "tool_not_allowed", "m")
    assert MCP.refuse(denial).status == 403
    assert json.loads(MCP.refuse_request(denial, request.body).body)["id"] == "x"
    assert b'"id": "x"' in MCP.error_events(denial, request.body)
    assert b"notifications/message" in MCP.error_event(denial)
