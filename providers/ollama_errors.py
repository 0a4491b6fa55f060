"""A denial in the shape of Ollama's own errors, as JSON and in the middle of a stream.

Owns: the body and the headers. Refuses to know: why a call was denied.
Body: https://docs.ollama.com/api/errors

The SDK raises `ResponseError` for either, and never repeats a call.
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
    return Reply(denial.status, tuple(headers), _body(denial))


def error_line(denial: Denial) -> bytes:
    """The denial as a line that ends a stream; it must follow a whole line."""
    return _body(denial) + b"\n"


def _body(denial: Denial) -> bytes:
    message = denial.sentences
    return json.dumps({"error": message, "code": denial.code}).encode("ascii")
