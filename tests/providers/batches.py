"""Batches as SDKs begin them, and the terms that are kept of them; shared by tests of batches.

Owns: small valid bodies, forms and terms. Refuses to know: what is made of them.
"""

from __future__ import annotations

import json
from typing import Any

from providers.bulk import Bulk, Collector
from providers.wire import Facts

MODEL = "gpt-4o-mini"
CHAT = "/v1/chat/completions"
BOUNDARY = "b0undary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def bulk(calls: int = 3, endpoint: str = CHAT, model: str = MODEL, **facts: Any) -> Bulk:
    """Like calls of one model."""
    found = Collector()
    for _ in range(calls):
        asked = {"input_tokens_max": 100, "output_tokens_cap": 50, **facts}
        found.add(Facts(endpoint, "metered", model, **asked))
    return found.bulk(endpoint, "d" * 64)


def line(number: int = 1, url: str = CHAT, **body: Any) -> dict[str, Any]:
    """A call in a file for OpenAI's batches."""
    messages = [{"role": "user", "content": f"Question {number}"}]
    asked = {"model": MODEL, "max_tokens": 50, "messages": messages, **body}
    return {"custom_id": f"q-{number}", "method": "POST", "url": url, "body": asked}


def numbered(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines, each under a name of its own."""
    return [{**each, "custom_id": f"q-{number}"} for number, each in enumerate(lines, 1)]


def jsonl(*lines: dict[str, Any]) -> bytes:
    """The lines of a file."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def form(data: bytes, purpose: str = "batch", file: str = "file") -> bytes:
    """A form that uploads a file."""
    field = 'Content-Disposition: form-data; name="{}"'
    parts = [
        field.format("purpose").encode() + b"\r\n\r\n" + purpose.encode(),
        field.format(file).encode() + b'; filename="a.jsonl"\r\n\r\n' + data,
    ]
    mark = f"--{BOUNDARY}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
