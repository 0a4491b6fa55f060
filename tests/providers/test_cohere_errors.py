"""The one error shape of Cohere's API, whole and at the end of both kinds of streams."""

from __future__ import annotations

import json

import pytest

from providers import cohere_errors
from providers.wire import Denial

FINAL = Denial(402, "budget_exceeded", "No money.", "Ask for more.", execution_id="exec_1")


def test_a_denial_has_the_apis_own_shape() -> None:
    """A message and an id, and no invitation to retry."""
    reply = cohere_errors.refuse(FINAL)
    assert reply.status == 402
    assert json.loads(reply.body) == {
        "id": "exec_1",
        "message": "No money. Ask for more.",
        "code": "budget_exceeded",
    }
    headers = dict(reply.headers)
    assert headers["x-should-retry"] == "false"
    assert headers["x-aex-execution-id"] == headers["x-request-id"] == "exec_1"
    assert "retry-after" not in headers


@pytest.mark.parametrize(("asked", "told"), [(5, "5"), (3600, "60"), (-1, "0")])
def test_a_wait_is_short(asked: int, told: str) -> None:
    """The SDK sleeps for whatever it is told."""
    denial = Denial(429, "rate_limited", "Slow.", retryable=True, retry_after=asked)
    headers = dict(cohere_errors.refuse(denial).headers)
    assert (headers["retry-after"], headers["x-should-retry"]) == (told, "true")
    final = Denial(402, "budget_exceeded", "m", retry_after=9)
    assert "retry-after" not in dict(cohere_errors.refuse(final).headers)


def test_a_stream_ends_by_its_own_end_mark() -> None:
    """Neither version has an event for errors but its last one."""
    event = cohere_errors.error_event(FINAL)
    assert event.startswith(b"event: message-end\ndata: ")
    assert event.endswith(b"\n\n")
    delta = json.loads(event.partition(b"data: ")[2])["delta"]
    assert delta == {"finish_reason": "ERROR", "error": "No money. Ask for more."}
    line = cohere_errors.error_line(FINAL)
    assert line.endswith(b"\n")
    assert json.loads(line)["is_finished"] is True
    assert json.loads(line)["finish_reason"] == "ERROR"
