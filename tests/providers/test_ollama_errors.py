"""The one error shape of Ollama's API, whole and at the end of a stream."""

from __future__ import annotations

import json

from providers import ollama_errors
from providers.wire import Denial

FINAL = Denial(402, "budget_exceeded", "No money.", "Ask for more.", execution_id="exec_1")


def test_a_denial_has_the_apis_own_shape() -> None:
    """One text under `error`, and no invitation to retry."""
    reply = ollama_errors.refuse(FINAL)
    told = {"error": "No money. Ask for more.", "code": "budget_exceeded"}
    assert (reply.status, json.loads(reply.body)) == (402, told)
    headers = dict(reply.headers)
    assert headers["x-should-retry"] == "false"
    assert headers["x-aex-execution-id"] == "exec_1"
    assert "retry-after" not in headers
    line = ollama_errors.error_line(FINAL)
    assert line.endswith(b"\n")
    assert json.loads(line) == told


def test_a_wait_is_short() -> None:
    """And only where a repeat may help."""
    long = Denial(429, "rate_limited", "Slow.", retryable=True, retry_after=3600)
    assert dict(ollama_errors.refuse(long).headers)["retry-after"] == "60"
    pointless = Denial(402, "budget_exceeded", "m", retry_after=9)
    assert "retry-after" not in dict(ollama_errors.refuse(pointless).headers)
