"""Lists of tools: what is hidden is gone, and nothing else is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.mcp_lists import homed, with_data, without_hidden


def listing(*names: Any, **more: Any) -> dict[str, Any]:
    """The answer to a request for tools."""
    tools = [{"name": name, "inputSchema": {"n": 0.1, "ü": None}} for name in names]
    return {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, **more}}


def left(document: Any) -> Any:
    """The document without tools but `a` and `b`."""
    return json.loads(without_hidden(json.dumps(document).encode(), {"a", "b"}.__contains__))


def test_hidden_tools_are_gone() -> None:
    """All else of the page stays, the place of the next one too; of a batch each answer counts."""
    assert left(listing("a", "x", "b", nextCursor="2")) == listing("a", "b", nextCursor="2")
    assert left([listing("x"), {"id": 2, "result": {}}]) == [listing(), {"id": 2, "result": {}}]


def test_a_tool_without_a_name_is_hidden() -> None:
    """Nobody can say whether it is allowed."""
    odd = listing("a")
    odd["result"]["tools"] += [{}, None, "a", {"name": ["a"]}, {"name": None}]
    assert left(odd) == listing("a")


@pytest.mark.parametrize(
    "document",
    [
        listing("a", "b"),
        listing(),
        {"id": 1, "result": {"tools": "x"}},
        {"id": 1, "result": None},
        {"id": 1, "error": {"code": 1}},
        [1, None],
        7,
    ],
)
def test_what_hides_nothing_keeps_its_bytes(document: Any) -> None:
    """To the byte."""
    data = json.dumps(document, indent=3).encode()
    assert without_hidden(data, {"a", "b"}.__contains__) is data


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_cannot_be_read_stays(data: bytes) -> None:
    """It is no list to anybody."""
    assert without_hidden(data, lambda _: False) is data


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_keeps_its_other_fields(end: bytes) -> None:
    """Its id, its name and its comments; all lines of its data are replaced, a first mark too."""
    event = end.join(
        [b"id: 7", b"event: message", b": c", b"data: {", b"data:}", b"data", b"", b""]
    )
    expected = [b"id: 7", b"event: message", b": c", b"data: {}", b"", b""]
    assert with_data(event, b"{}") == end.join(expected)
    assert with_data(b"data: {}\r\n\r", b"[]") == b"data: []\r\n\r"
    assert with_data(b"\xef\xbb\xbfdata: {}\n\n", b"[]") == b"data: []\n\n"
    assert with_data(b"database: 1\ndata: x", b"[]") == b"database: 1\ndata: []\n\n"


def test_where_to_post() -> None:
    """Below the name of the server, whether it is told as a path or with its host."""
    assert homed("/messages/?session_id=1", "/desk") == "/desk/messages/?session_id=1"
    assert homed("https://mcp.example.com/m?s=1&t", "/desk") == "/desk/m?s=1&t"
    assert homed("messages?s=1", "/desk") == "messages?s=1"
