"""A server of MCP as a row of the table: its paths, and its prices."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.mcp_server import price, server
from providers.paths import canonical
from providers.registry import find
from providers.wire import Call


def spoken(path: str, mine: str, *others: str, method: str = "POST") -> str:
    """Which format speaks for a path of a server at `mine`; "" for none."""
    row = server("desk", "https://mcp.example.com", mine, others)
    theirs, _ = canonical(row.nests, path)
    found = find(Call("desk", method, path, "", {}, b"", canonical=theirs), row.formats)
    return found.name if found else ""


@pytest.mark.parametrize(
    ("mine", "others", "paths"),
    [
        ("/mcp", (), ("/mcp", "/mcp/")),
        ("/v1/mcp", (), ("/v1/mcp",)),
        ("", (), ("/", "")),
        ("/mcp", ("/sse", "/messages/"), ("/mcp", "/sse", "/messages", "/messages/")),
        ("/sse", (), ("/sse", "/messages/", "/message", "/sse/message")),
        ("/a/sse", (), ("/a/sse", "/a/messages")),
        ("/mcp", ("/mcp/admin",), ("/mcp", "/mcp/admin")),
    ],
)
def test_its_own_paths(mine: str, others: tuple[str, ...], paths: tuple[str, ...]) -> None:
    """With and without a slash at the end; every method of the transport."""
    for path in paths:
        for method in ("POST", "GET", "DELETE"):
            assert spoken(path, mine, *others, method=method) == "mcp", path


@pytest.mark.parametrize(
    "path", ["/", "/mc", "/mcpx", "/mcp/x", "/MCP", "//mcp", "/%6dcp", "/x/../mcp", "/mcp//", "/v1"]
)
def test_other_paths_are_none_of_its(path: str) -> None:
    """However like they look."""
    assert spoken(path, "/mcp") == ""


@pytest.mark.parametrize("mine", ["/mcp", "", "/sse", "/token/mcp"])
def test_a_client_can_log_in(mine: str) -> None:
    """Wherever the server is."""
    for line in (
        *("GET /.well-known/oauth-protected-resource/v1/mcp", "POST /register", "POST /token"),
        *("GET /.well-known/oauth-authorization-server", "GET /authorize", "POST /revoke"),
    ):
        method, _, path = line.partition(" ")
        assert spoken(path, mine, method=method) == "mcp_free", line


def test_the_row() -> None:
    """A host of its own, a prefix of its name; the agent's own key, if it has one."""
    row = server("desk", "https://mcp.example.com", "/mcp", hosts=["mcp.example.com"])
    assert (row.id, row.hosts) == ("desk", ("mcp.example.com",))
    assert row.base_prefixes == (("/desk", ""),)
    assert row.credentials == "optional"


def test_what_a_tool_costs() -> None:
    """Its own price, else that of all others; under another spelling the dearest it may be."""
    tools = {"add": Decimal("0.5"), "Sum": Decimal(1), "sum": Decimal("0.1"), "zero": Decimal(0)}
    other = Decimal("0.2")
    assert price("add", tools, other) == Decimal("0.5")
    assert price("else", tools, other) == other
    assert price("zero", tools, other) == 0
    for spelling in ("ADD", " add", "ａｄｄ", "aDd "):
        assert price(spelling, tools, other) == Decimal("0.5")
    assert (price("sum", tools, other), price("SUM", tools, other)) == (Decimal("0.1"), Decimal(1))
    assert price("Zero", tools, other) == other
