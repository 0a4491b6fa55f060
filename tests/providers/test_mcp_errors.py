"""Denials as errors of JSON-RPC: whoever waits for an answer gets one."""

from __future__ import annotations

import json

from providers import mcp_errors
from providers.mcp import MCP
from providers.openai_chat import OPENAI_CHAT
from providers.wire import Denial

DENIAL = Denial(402, "budget_exceeded", "Too dear.", "Ask for more.", execution_id="ex_1")
BODY = b'{"jsonrpc":"2.0","id":"a","method":"tools/call"}'


def test_a_request_gets_its_answer() -> None:
    """With its id and the status of an answer; code, remedy and execution are in its data."""
    reply = mcp_errors.refuse_request(DENIAL, BODY)
    assert reply.status == 200
    assert ("x-aex-execution-id", "ex_1") in reply.headers
    assert json.loads(reply.body) == {
        "jsonrpc": "2.0",
        "id": "a",
        "error": {
            "code": -32080,
            "message": "Too dear. Ask for more.",
            "data": {
                "code": "budget_exceeded",
                "status": 402,
                "retryable": False,
                "remedy": "Ask for more.",
                "execution_id": "ex_1",
            },
        },
    }


def test_each_request_of_a_batch_gets_one() -> None:
    """As a batch."""
    batch = b"[" + BODY + b',{"id":2,"method":"ping"},{"method":"notifications/x"}]'
    told = json.loads(mcp_errors.refuse_request(DENIAL, batch).body)
    assert [error["id"] for error in told] == ["a", 2]
    events = mcp_errors.events(DENIAL, batch)
    assert events.count(b"event: message\ndata: ") == events.count(b"\n\n") == 2


def test_what_waits_for_nothing_gets_the_status() -> None:
    """A stream, a notification, and what cannot be read; on a stream it is a line of a log."""
    for body in (b"", b"{", b'{"method":"notifications/x"}'):
        reply = mcp_errors.refuse_request(DENIAL, body)
        assert (reply.status, json.loads(reply.body)["id"]) == (402, None)
    event = mcp_errors.events(DENIAL).removeprefix(b"event: message\ndata: ")
    assert json.loads(event)["params"]["data"] == "Too dear. Ask for more."


def test_retries_are_told() -> None:
    """How long to wait, where that helps."""
    denial = Denial(429, "rate_limited", "m", retryable=True, retry_after=900)
    headers = dict(mcp_errors.refuse_request(denial, BODY).headers)
    assert (headers["x-should-retry"], headers["retry-after"]) == ("true", "60")
    assert dict(mcp_errors.refuse(DENIAL).headers)["x-should-retry"] == "false"


def test_other_formats_answer_as_ever() -> None:
    """Only a format that answers requests by their ids looks at the body."""
    assert mcp_errors.reply(OPENAI_CHAT, DENIAL, BODY) == OPENAI_CHAT.refuse(DENIAL)
    assert mcp_errors.reply(MCP, DENIAL, BODY) == mcp_errors.refuse_request(DENIAL, BODY)
    assert mcp_errors.error_events(OPENAI_CHAT, DENIAL, BODY) == OPENAI_CHAT.error_event(DENIAL)
    assert mcp_errors.error_events(MCP, DENIAL, BODY) == mcp_errors.events(DENIAL, BODY)
