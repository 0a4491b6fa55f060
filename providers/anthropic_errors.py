"""A denial in the shape of Anthropic's own errors, as JSON and in the middle of a stream.

Owns: the body, the error types and the headers. Refuses to know: why a call was denied.
Body: https://platform.claude.com/docs/en/api/errors#error-shapes

The `type` is chosen for what agents do with it: some repeat a `billing_error` or a
`permission_error`, whatever its status, but none repeats an `invalid_request_error`, so every
final refusal carries that. The SDKs show `error.details.error_code` as the error's stable code.
"""

from __future__ import annotations

import json

from providers.refusal import reply
from providers.wire import Denial, Reply


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    return reply(denial, _body(denial), shown_as="request-id")


def error_event(denial: Denial) -> bytes:
    """The denial as an event that ends a stream; SDKs raise their API error on it.

    It must follow a whole event: nothing can take back half of one.
    """
    return b"event: error\ndata: " + _body(denial) + b"\n\n"


def error_type(denial: Denial) -> str:
    """The `type` field, see above."""
    if not denial.retryable:
        return "invalid_request_error"
    return "rate_limit_error" if denial.status == 429 else "api_error"


def _body(denial: Denial) -> bytes:
    error = {
        "type": error_type(denial),
        "message": denial.sentences,
        "details": {"error_code": denial.code},
    }
    document = {"type": "error", "error": error, "request_id": denial.execution_id}
    return json.dumps(document).encode("ascii")
