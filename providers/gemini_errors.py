"""A denial in the shape of Google's own errors, as JSON and in the middle of a stream.

Owns: the body, the canonical code names and the headers. Refuses to know: why a call was denied.
Body: https://cloud.google.com/apis/design/errors#http_mapping

What agents do with it: the SDKs raise their API error once, whatever the status; Gemini CLI repeats
429 and 5xx, waits as RetryInfo says, and gives a 429 up only for a quota of the day. So RetryInfo
stands where a repeat may help, and QuotaFailure of the day where a 429 is final.
"""

from __future__ import annotations

import json
from typing import Any

from providers.refusal import reply, seconds_to_wait
from providers.wire import Denial, Reply

_TYPE = "type.googleapis.com/google.rpc."

# https://cloud.google.com/apis/design/errors#handling_errors; 402, 423 and 426 have no row there.
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    return reply(denial, _body(denial), content_type="application/json; charset=UTF-8")


def error_event(denial: Denial) -> bytes:
    """The denial as an event that ends a stream of server-sent events.

    It must follow a whole event: nothing can take back half of one. SDKs raise on events that
    begin with the error.
    """
    return b"data: " + _body(denial) + b"\r\n\r\n"


def error_element(denial: Denial) -> bytes:
    """The denial as the last element of a stream that is one JSON array, and the array's end.

    It must follow a whole element.
    """
    return b",\r\n" + _body(denial) + b"\r\n]"


def _body(denial: Denial) -> bytes:
    metadata = {"code": denial.code}
    if denial.execution_id is not None:
        metadata["executionId"] = denial.execution_id
    info = {
        "@type": _TYPE + "ErrorInfo",
        "reason": f"AEX_{denial.code.upper()}",
        "domain": "aex",
        "metadata": metadata,
    }
    details: list[dict[str, Any]] = [info]
    if (seconds := seconds_to_wait(denial)) is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{seconds}s"})
    if denial.status == 429 and not denial.retryable:
        violation = {"quotaMetric": "aex/budget", "quotaId": "AexBudgetPerDay"}
        details.append({"@type": _TYPE + "QuotaFailure", "violations": [violation]})
    error = {
        "code": denial.status,
        "message": denial.sentences,
        "status": _STATUSES.get(denial.status, "FAILED_PRECONDITION"),
        "details": details,
    }
    return json.dumps({"error": error}).encode("ascii")
