"""A denial in the shape of OpenAI's own errors, as JSON and in the middle of a stream.

Owns: the body, the error types and the headers. Refuses to know: why a call was denied.
Body: https://platform.openai.com/docs/guides/error-codes#api-errors

The `type` is chosen for what agents do with it, not only for what it says: several of them repeat
a call by its type and ignore the status. `invalid_request_error` is what none of them repeats, so
every final refusal carries it; `rate_limit_error` and `server_error` stand where a repeat may help.
"""

from __future__ import annotations

import json
from typing import Any

from providers.refusal import reply
from providers.wire import Denial, Reply


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    return reply(denial, _body(denial), shown_as="x-request-id")


def error_event(denial: Denial) -> bytes:
    """The denial as an event that ends a stream; SDKs raise their API error on it.

    It must follow a whole event: nothing can take back half of one.
    """
    return b"data: " + _body(denial) + b"\n\n"


def error_type(denial: Denial) -> str:
    """The `type` field, see above."""
    if denial.code == "insufficient_quota":
        return "insufficient_quota"
    if not denial.retryable:
        return "invalid_request_error"
    return "rate_limit_error" if denial.status == 429 else "server_error"


def error_object(denial: Denial) -> dict[str, Any]:
    """What all of OpenAI's APIs say about an error, wherever they put it."""
    return {
        "message": denial.sentences,
        "type": error_type(denial),
        "param": None,
        "code": denial.code,
    }


def _body(denial: Denial) -> bytes:
    return json.dumps({"error": error_object(denial)}).encode("ascii")
