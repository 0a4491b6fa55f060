"""The one error shape of the Anthropic API, for every kind of denial."""

from __future__ import annotations

import json

import pytest

from providers import anthropic_errors
from providers.wire import Denial

CASES = [
    (Denial(400, "invalid_request", "m"), "invalid_request_error"),
    (Denial(401, "token_missing", "m"), "invalid_request_error"),
    (Denial(402, "budget_exceeded", "m"), "invalid_request_error"),
    (Denial(403, "model_not_allowed", "m"), "invalid_request_error"),
    (Denial(423, "agent_paused", "m"), "invalid_request_error"),
    (Denial(429, "rate_limited", "m", retryable=True, retry_after=2), "rate_limit_error"),
    (Denial(503, "internal", "m", retryable=True), "api_error"),
    (Denial(502, "upstream_lost", "m"), "invalid_request_error"),
]


@pytest.mark.parametrize(("denial", "kind"), CASES)
def test_every_denial_has_the_one_shape(denial: Denial, kind: str) -> None:
    """Body, type and headers are what the SDKs read, and final refusals say so."""
    reply = anthropic_errors.refuse(denial)
    headers = dict(reply.headers)
    error = {"type": kind, "message": "m", "details": {"error_code": denial.code}}
    assert json.loads(reply.body) == {"type": "error", "error": error, "request_id": None}
    assert reply.status == denial.status
    assert headers["content-type"] == "application/json"
    assert headers["x-should-retry"] == ("true" if denial.retryable else "false")
    assert ("retry-after" in headers) == (denial.retry_after is not None)


def test_a_long_or_pointless_retry_after_is_never_sent() -> None:
    """The SDKs sleep through whatever they are told, so it is short or absent."""
    long = Denial(429, "rate_limited", "m", retryable=True, retry_after=3600)
    assert dict(anthropic_errors.refuse(long).headers)["retry-after"] == "60"
    final = Denial(402, "budget_exceeded", "m", retry_after=5)
    assert "retry-after" not in dict(anthropic_errors.refuse(final).headers)


def test_the_execution_is_named_where_sdks_look() -> None:
    """The id stands in AEX's own header, in the provider's request-id header and in the body."""
    denial = Denial(402, "budget_exceeded", "No.", "Ask.", execution_id="ex_1")
    reply = anthropic_errors.refuse(denial)
    headers, body = dict(reply.headers), json.loads(reply.body)
    assert headers["x-aex-execution-id"] == headers["request-id"] == body["request_id"] == "ex_1"
    assert body["error"]["message"] == "No. Ask."


def test_the_event_is_one_whole_event() -> None:
    """The error event has its name, and carries the same object as the answer."""
    denial = Denial(402, "budget_exceeded", "line\nbreak \u2028 \ud800")
    event = anthropic_errors.error_event(denial)
    assert event.startswith(b"event: error\ndata: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 3
    assert json.loads(event[19:]) == json.loads(anthropic_errors.refuse(denial).body)
