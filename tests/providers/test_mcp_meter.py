"""Answers of MCP servers: what of them is billed, and what of them is hidden, at any cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers import mcp_meter
from providers.mcp_meter import McpFacts, McpMeter
from tests.providers.contract import run

SSE, JSON = "text/event-stream", "application/json; charset=utf-8"
TWO = McpFacts(
    "tools/call", "metered", calls=((1, "a"), ("1", "b")), prices=(Decimal("0.1"), Decimal("0.02"))
)
LIST = McpFacts("tools/list", "free", lists=(5,), shown=lambda tool: tool != "x")
STREAM = McpFacts("listen", "free", listens=True, shown=LIST.shown)


def answer(id_: Any, **said: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, **(said or {"result": {}})}


def listing(*names: str, id_: Any = 5) -> dict[str, Any]:
    return answer(id_, result={"tools": [{"name": name} for name in names]})


def event(document: Any, name: bytes = b"message") -> bytes:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return b"id: 3\r\nevent: " + name + b"\r\ndata: " + data + b"\r\n\r\n"


def billed(facts: McpFacts, data: bytes, kind: str = JSON, status: int = 200) -> Decimal | None:
    """What the answer costs; None where that is not known."""
    usage = run(McpMeter(facts, status, kind), [data])[1].usage
    return usage.cost_usd if usage else None


def held(data: Iterable[bytes]) -> list[Any]:
    """The documents of events."""
    lines = b"".join(data).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


@pytest.mark.parametrize(
    ("one", "other", "cost"),
    [
        ({}, {}, "0.12"),
        ({"result": {"isError": True}}, {}, "0.12"),
        ({"error": {"code": -32602}}, {}, "0.02"),
        ({"error": {"code": -32601}}, {"error": {"code": -32600}}, "0"),
        ({"error": {"code": -32603}}, {"error": {"code": 7}}, "0.12"),
        ({"error": {"code": True}}, {"error": {"code": -32602.0}}, "0.12"),
        ({"error": {}}, {"error": {"code": "-32602"}}, "0.12"),
    ],
)
def test_what_a_call_is_billed(one: dict[str, Any], other: dict[str, Any], cost: str) -> None:
    """Whatever ran or may have run, each at its own price; numbers and texts are other ids."""
    both = [answer("1", **other), answer(1, **one)]
    assert billed(TWO, json.dumps(both).encode()) == Decimal(cost)
    assert billed(TWO, b"".join(map(event, both)), SSE) == Decimal(cost)


def test_what_is_not_known() -> None:
    """A call without an answer, and one whose answer cannot be read."""
    for data in (b"", b"{", json.dumps([answer(1), answer(2)]).encode(), b'{"id":[1]}'):
        assert billed(TWO, data) is None
    assert billed(TWO, event(answer(1)) + event(answer(1)), SSE) is None
    assert billed(TWO, event({"id": 1, "method": "ping"}) + event(answer("1")), SSE) is None
    assert billed(LIST, json.dumps(answer(5)).encode()) is None


def test_the_first_answer_counts() -> None:
    """A second one with the same id changes nothing."""
    data = event(answer(1)) + event(answer("1")) + event(answer(1, error={"code": -32602}))
    assert billed(TWO, data, SSE) == Decimal("0.12")


def test_accepted_is_answered() -> None:
    """The answer comes on another stream."""
    assert billed(TWO, b"Accepted", "", 202) == Decimal("0.12")


def test_a_call_passes_at_once() -> None:
    """Byte by byte, for nothing in its answer is hidden."""
    for kind, data in (
        (SSE, event(listing("x", id_=1))),
        (JSON, json.dumps(listing("x")).encode()),
    ):
        meter = McpMeter(replace(TWO, shown=LIST.shown), 200, kind)
        for at in range(len(data)):
            assert meter.feed(data[at : at + 1]) == data[at : at + 1]
        assert meter.finish() == b""


@pytest.mark.parametrize("facts", [LIST, STREAM])
def test_an_event_waits_until_it_is_whole(facts: McpFacts) -> None:
    """At any cut the client gets the same, and each event with its last byte."""
    first, second = event({"method": "notifications/progress"}), event(listing("a", "x"))
    data = b": ping\r\n\r\n" + first + second
    whole = run(McpMeter(facts, 200, SSE), [data])[0]
    assert held([whole]) == [{"method": "notifications/progress"}, listing("a")]
    assert whole.startswith(b": ping\r\n\r\n" + first)
    assert b"id: 3\r\nevent: message\r\ndata: " in whole
    for at in range(len(data)):
        assert run(McpMeter(facts, 200, SSE), [data[:at], data[at:]])[0] == whole
    meter = McpMeter(facts, 200, SSE)
    assert meter.feed(b": ping\r\n\r\n" + first) == b": ping\r\n\r\n" + first
    assert meter.feed(second[:-2]) == b""
    assert held([meter.feed(second[-2:])]) == [listing("a")]


def test_an_event_without_its_end_is_looked_at_too() -> None:
    """Some client may read it all the same."""
    assert held([run(McpMeter(LIST, 200, SSE), [event(listing("a", "x"))[:-4]])[0]]) == [
        listing("a")
    ]


def test_a_document_waits_until_it_is_whole() -> None:
    """Then it has what is shown; and where all is, every byte as it was."""
    data = json.dumps(listing("a", "x"), indent=1).encode()
    for at in range(len(data)):
        meter = McpMeter(LIST, 200, JSON)
        assert meter.feed(data[:at]) + meter.feed(data[at:]) == b""
        assert json.loads(meter.finish()) == listing("a")
    data = json.dumps(listing("a"), indent=1).encode()
    assert run(McpMeter(LIST, 200, JSON), [data])[0] == data


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", json.dumps(listing("x")).encode()[:-1]])
def test_a_list_that_cannot_be_read_is_an_error(data: bytes) -> None:
    """A client that reads more than AEX would see what is hidden."""
    told = json.loads(run(McpMeter(LIST, 200, JSON), [data])[0])
    assert (told["id"], told["error"]["data"]["code"]) == (5, "answer_unreadable")


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a list it becomes an error; on a stream of the server's own it passes."""
    monkeypatch.setattr(mcp_meter, "HELD_MAX", 100)
    large = listing("a", "x", "y" * 200)
    told = json.loads(run(McpMeter(LIST, 200, JSON), [json.dumps(large).encode()])[0])
    assert (told["id"], told["error"]["data"]["code"]) == (5, "answer_unreadable")
    data = event(large)
    for size in (1, 7, 1000):
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        (told,) = held([run(McpMeter(LIST, 200, SSE), chunks)[0]])
        assert (told["id"], told["error"]["data"]["code"]) == (5, "answer_unreadable")
        assert run(McpMeter(STREAM, 200, SSE), chunks)[0] == data
    document = json.dumps(large).encode()
    assert run(McpMeter(STREAM, 200, JSON), [document])[0] == document
    assert billed(TWO, json.dumps([answer(1), answer("1", result="y" * 200)]).encode()) is None


def test_all_is_shown_to_whom_nothing_is_hidden_from() -> None:
    """Then nothing waits, and nothing is written anew."""
    data = event(listing("a", "x"))
    for facts in (replace(LIST, shown=None), replace(STREAM, shown=None)):
        assert not facts.rewrites
        meter = McpMeter(facts, 200, SSE)
        assert meter.feed(data[:9]) == data[:9]


def test_where_to_post_is_told_below_the_servers_name() -> None:
    """To a client at AEX's own address; to any other as it came."""
    data = event(b"/messages/?session_id=1", b"endpoint") + event(answer(1))
    at_home = McpMeter(replace(STREAM, shown=None, home="/desk"), 200, SSE)
    passed, _ = run(at_home, [data])
    assert passed == (event(b"/desk/messages/?session_id=1", b"endpoint") + event(answer(1)))
    meter = McpMeter(STREAM, 200, SSE)
    assert run(meter, [data])[0] == data
    assert meter.endpoint == at_home.endpoint == "/messages/?session_id=1"
    posted = McpMeter(LIST, 200, SSE)
    assert (run(posted, [data])[0], posted.endpoint) == (data, "")
