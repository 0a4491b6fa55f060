"""Responses over a WebSocket: which messages are calls, and how they are denied."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_responses import PATH
from providers.openai_responses_ws import OPENAI_RESPONSES_SOCKET, MessageMeter
from providers.wire import MESSAGE, Call, Denial, Facts, Grant, Refused
from tests.providers.contract import ODD, bent, dumped

CREATE = {"type": "response.create", "model": "gpt-5.2", "input": "Hello"}
UPGRADE = {"upgrade": "WebSocket", "connection": "Upgrade"}


def message(**fields: Any) -> Call:
    """A message with these fields changed."""
    return Call("openai", MESSAGE, PATH, "", {}, json.dumps({**CREATE, **fields}).encode())


def read(**fields: Any) -> Facts:
    """The facts of such a message."""
    return OPENAI_RESPONSES_SOCKET.read(message(**fields))


def test_it_claims_the_handshake_and_its_messages() -> None:
    """On the one path, and nothing that is no upgrade."""
    claims = OPENAI_RESPONSES_SOCKET.claims
    assert claims(Call("openai", "GET", PATH, "", UPGRADE, b""))
    assert claims(message())
    assert not claims(Call("openai", "GET", PATH, "", {}, b""))
    assert not claims(Call("openai", "POST", PATH, "", UPGRADE, b""))
    assert not claims(Call("openai", "GET", "/v1/realtime", "", UPGRADE, b""))
    assert not claims(Call("openai", MESSAGE, "/v1/realtime", "", {}, b""))


def test_the_handshake_is_no_call_yet() -> None:
    """It costs nothing by itself, and nothing of it is read."""
    facts = OPENAI_RESPONSES_SOCKET.read(Call("openai", "GET", PATH, "", UPGRADE, b"\xff"))
    assert (facts.kind, facts.endpoint, facts.has_output) == ("socket", PATH, False)


def test_a_message_is_read_as_its_http_twin() -> None:
    """The same facts as of a POST that streams."""
    facts = read(max_output_tokens=50, tools=[{"type": "web_search"}], max_tool_calls=1)
    assert (facts.kind, facts.model, facts.stream) == ("metered", "gpt-5.2", True)
    assert (facts.output_tokens_cap, facts.server_calls_max) == (50, 1)
    assert read(previous_response_id="resp_1", input=[]).input_unseen


def test_preparing_a_response_has_no_output() -> None:
    """Nor does it run any tool, whatever the message brings along."""
    facts = read(generate=False, input=[], tools=[{"type": "web_search"}])
    assert (facts.has_output, facts.server_calls_max, facts.server_units) == (False, 0, frozenset())
    assert read(generate=True).has_output
    assert read(generate=None).has_output


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"type": "response.steer"}, 403),
        ({"type": "response.cancel"}, 403),
        ({"type": None}, 403),
        ({"type": ["response.create"]}, 403),
        ({"stream_id": "a"}, 403),
        ({"background": True}, 403),
        ({"generate": "no"}, 400),
        ({"model": 7}, 400),
    ],
)
def test_no_other_message_is_a_call(fields: dict[str, Any], status: int) -> None:
    """What makes the provider work unasked, or in lanes, is refused."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_odd_messages_are_read_or_refused() -> None:
    """Any field absent, wrong-typed, huge or negative is a 4xx at the worst."""
    whole = {**CREATE, "generate": False, "max_output_tokens": 9, "tools": [{"type": "function"}]}
    for document in bent(whole, ODD):
        call = Call("openai", MESSAGE, PATH, "", {}, dumped(document))
        status = 400
        try:
            OPENAI_RESPONSES_SOCKET.patch(call, OPENAI_RESPONSES_SOCKET.read(call), Grant(1, 1))
        except Refused as refused:
            status = refused.denial.status
        assert 400 <= status < 500


def test_what_is_granted_is_written() -> None:
    """Into the message, which is else sent as it came."""
    call = message()
    facts = OPENAI_RESPONSES_SOCKET.read(call)
    assert OPENAI_RESPONSES_SOCKET.patch(call, facts, Grant()) is call.body
    patched = OPENAI_RESPONSES_SOCKET.patch(call, facts, Grant(50))
    assert json.loads(patched) == {**CREATE, "max_output_tokens": 50}


@pytest.mark.parametrize(
    ("denial", "status", "code"),
    [
        (Denial(402, "budget_exceeded", "No.", "Top up."), 429, "insufficient_quota"),
        (Denial(429, "rate_limited", "No.", "Top up.", True, 7), 429, "rate_limited"),
        (Denial(403, "not_metered", "No.", "Top up."), 403, "not_metered"),
        (Denial(423, "agent_not_serving", "No.", "Top up."), 423, "agent_not_serving"),
    ],
)
def test_a_denial_is_an_error_message(denial: Denial, status: int, code: str) -> None:
    """For want of money it is the pair that clients take as final; else it is as over HTTP."""
    told = json.loads(OPENAI_RESPONSES_SOCKET.error_event(denial))
    assert (told["type"], told["status"]) == ("error", status)
    assert (told["error"]["code"], told["error"]["message"]) == (code, "No. Top up.")
    headers = told["error"]["headers"]
    assert headers["x-should-retry"] == ("true" if denial.retryable else "false")
    assert headers.get("retry-after") == ("7" if denial.retryable else None)


def test_a_denial_of_the_handshake_is_an_http_answer() -> None:
    """With the status that it has, and the id of its execution."""
    reply = OPENAI_RESPONSES_SOCKET.refuse(Denial(401, "token_unknown", "No.", execution_id="ex"))
    assert (reply.status, dict(reply.headers)["x-request-id"]) == (401, "ex")


def test_messages_are_counted_one_by_one() -> None:
    """They pass as they are; the last one has the usage."""
    meter = OPENAI_RESPONSES_SOCKET.meter(read(), 200, "")
    usage = {"input_tokens": 3, "output_tokens": 2}
    messages = [
        {"type": "response.created", "response": {}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "hello"},
        {"type": "response.completed", "response": {"model": "m", "usage": usage}},
    ]
    for each in messages:
        assert not meter.reading().complete
        assert meter.feed(dumped(each)) == dumped(each)
    assert meter.finish() == b""
    reading = meter.reading()
    assert reading.usage is not None
    assert (reading.usage.counts, reading.complete, reading.status) == (usage, True, 200)
    assert reading.output_tokens_max >= 5


def test_what_is_no_event_counts_by_its_bytes() -> None:
    """Nothing that the provider sends goes uncounted, nothing makes the meter raise."""
    for data in (b"\xff\x00", b"[]", b"7", b'{"type": 7}'):
        meter = MessageMeter()
        assert meter.feed(data) == data
        assert meter.reading().output_tokens_max == len(data)
        assert meter.reading().status is None
