"""Denials in the shape of Google's errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gemini_errors import error_element, error_event, refuse
from providers.wire import Denial

BUDGET = Denial(402, "budget_exceeded", "Too dear.", "Do not retry.", execution_id="x1")
RATE = Denial(429, "rate_limited", "Too fast.", retryable=True, retry_after=7)


def error(data: bytes) -> dict[str, Any]:
    """The error object of a body."""
    document = json.loads(data)
    assert list(document) == ["error"]
    return dict(document["error"])


def test_a_final_denial_says_why_and_bids_no_retry() -> None:
    """Code, sentence, canonical status and a reason, with the execution's id."""
    reply = refuse(BUDGET)
    told, headers = error(reply.body), dict(reply.headers)
    assert (reply.status, told["code"], told["status"]) == (402, 402, "FAILED_PRECONDITION")
    assert told["message"] == "Too dear. Do not retry."
    (info,) = told["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert (info["reason"], info["domain"]) == ("AEX_BUDGET_EXCEEDED", "aex")
    assert info["metadata"] == {"code": "budget_exceeded", "executionId": "x1"}
    assert headers["x-aex-execution-id"] == "x1"
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers


def test_a_rate_denial_says_when_to_retry() -> None:
    """In seconds, by header and by RetryInfo, which Gemini CLI waits for."""
    reply = refuse(RATE)
    told, headers = error(reply.body), dict(reply.headers)
    assert told["status"] == "RESOURCE_EXHAUSTED"
    assert told["details"][1] == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "7s",
    }
    assert (headers["retry-after"], headers["x-should-retry"]) == ("7", "true")
    assert len(told["details"]) == 2


def test_a_final_429_names_a_quota_of_the_day() -> None:
    """Gemini CLI repeats every other 429 for minutes."""
    told = error(refuse(Denial(429, "budget_exceeded", "No.")).body)
    (violation,) = told["details"][1]["violations"]
    assert "PerDay" in violation["quotaId"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        *((400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")),
        *((503, "UNAVAILABLE"), (423, "FAILED_PRECONDITION"), (426, "FAILED_PRECONDITION")),
    ],
)
def test_each_status_has_its_canonical_name(status: int, name: str) -> None:
    """SDKs show it beside the number."""
    assert error(refuse(Denial(status, "c", "m")).body)["status"] == name


def test_a_stream_ends_with_the_error_in_its_own_form() -> None:
    """As an event that begins with the error, or as the last element of the array."""
    event = error_event(BUDGET)
    assert event.startswith(b'data: {"error":')
    assert event.endswith(b"\r\n\r\n")
    assert error(event.removeprefix(b"data: "))["code"] == 402
    first, last = json.loads(b'[{"candidates":[]}' + error_element(BUDGET))
    assert (first, last["error"]["code"]) == ({"candidates": []}, 402)
