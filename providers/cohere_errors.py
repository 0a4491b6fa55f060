"""A denial in the shape of Cohere's own errors, as JSON and in the middle of a stream.

Owns: the body and the headers. Refuses to know: why a call was denied.
Body: https://docs.cohere.com/reference/errors

The SDK raises by the status alone (`ForbiddenError` for 403, `ApiError` for 402) and repeats 408,
409, 429 and 5xx, whatever the headers say.
"""

from __future__ import annotations

import json

from providers.wire import Denial, Reply

MAX_RETRY_AFTER_S = 60


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    headers = [
        ("content-type", "application/json"),
        ("x-should-retry", "true" if denial.retryable else "false"),
    ]
    if denial.retryable and denial.retry_after is not None:
        seconds = max(0, min(denial.retry_after, MAX_RETRY_AFTER_S))
        headers.append(("retry-after", str(seconds)))
    if denial.execution_id is not None:
        headers.append(("x-aex-execution-id", denial.execution_id))
        headers.append(("x-request-id", denial.execution_id))
    body = {"id": denial.execution_id, "message": denial.sentences, "code": denial.code}
    return Reply(denial.status, tuple(headers), json.dumps(body).encode("ascii"))


def error_event(denial: Denial) -> bytes:
    """The denial as the event that ends a stream of v2.

    https://docs.cohere.com/reference/chat-stream (`message-end`); a stream has no other error.
    """
    delta = {"finish_reason": "ERROR", "error": denial.sentences}
    data = json.dumps({"type": "message-end", "delta": delta})
    return f"event: message-end\ndata: {data}\n\n".encode("ascii")


def error_line(denial: Denial) -> bytes:
    """The denial as the line that ends a stream of v1.

    https://docs.cohere.com/v1/reference/chat-stream (`stream-end`)
    """
    event = {
        "is_finished": True,
        "event_type": "stream-end",
        "finish_reason": "ERROR",
        "error": denial.sentences,
    }
    return json.dumps(event).encode("ascii") + b"\n"
