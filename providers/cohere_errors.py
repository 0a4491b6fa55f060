"""A denial in the shape of Cohere's own errors, as JSON and in the middle of a stream.

Owns: the body and the headers. Refuses to know: why a call was denied.
Body: https://docs.cohere.com/reference/errors

The SDK raises by the status alone (`ForbiddenError` for 403, `ApiError` for 402) and repeats 408,
409, 429 and 5xx, whatever the headers say.
"""

from __future__ import annotations

import json

from providers.refusal import reply
from providers.wire import Denial, Reply


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    body = {"id": denial.execution_id, "message": denial.sentences, "code": denial.code}
    return reply(denial, json.dumps(body).encode("ascii"), shown_as="x-request-id")


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
