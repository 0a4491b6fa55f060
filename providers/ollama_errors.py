"""A denial in the shape of Ollama's own errors, as JSON and in the middle of a stream.

Owns: the body and the headers. Refuses to know: why a call was denied.
Body: https://docs.ollama.com/api/errors

The SDK raises `ResponseError` for either, and never repeats a call.
"""

from __future__ import annotations

import json

from providers.refusal import reply
from providers.wire import Denial, Reply


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer. `retry-after` (seconds) only where a repeat may help."""
    return reply(denial, _body(denial))


def error_line(denial: Denial) -> bytes:
    """The denial as a line that ends a stream; it must follow a whole line."""
    return _body(denial) + b"\n"


def _body(denial: Denial) -> bytes:
    message = denial.sentences
    return json.dumps({"error": message, "code": denial.code}).encode("ascii")
