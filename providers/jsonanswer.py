"""Reads answers that are one JSON document, and JSON values inside any answer. Never raises.

Owns: keeping a whole answer until its last byte, and small getters that take anything.
Refuses to know: any API. What a document says is told by the function that is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from providers.capture import Capture
from providers.wire import Reading, Usage


class JsonAnswer:
    """Counts a whole JSON answer: every byte passes at once, the document is read at its end.

    read: the usage that a document states, or None.
    """

    def __init__(
        self, read: Callable[[dict[str, Any]], Usage | None], has_output: bool = True
    ) -> None:
        self._read = read
        self._has_output = has_output
        self._capture = Capture()
        self._read_at = 0
        self._whole = False
        self._in_document: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Keeps a copy, passes the bytes."""
        self._capture.add(data)
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def reading(self) -> Reading:
        """Usage as soon as the document is whole; before, all bytes count as output."""
        if self._read_at != self._capture.size and self._capture.ends_with(b"}"):
            self._read_at = self._capture.size
            document = json_object(self._capture.kept() or b"")
            self._whole = document is not None
            self._in_document = None if document is None else self._read(document)
        output_max = self._capture.size if self._has_output else 0
        return Reading(self._in_document, output_max, self._whole)


def json_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object that `data` is, or None."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def text_field(document: dict[str, Any], key: str) -> str | None:
    """A field that is a string, else None."""
    value = document.get(key)
    return value if isinstance(value, str) else None


def string_bytes(value: Any, but: frozenset[str] = frozenset()) -> int:
    """UTF-8 bytes of all strings inside a JSON value; keys are the provider's own, not output.

    but: keys of what only labels the rest, and is no output either.
    """
    total = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            total += len(item.encode("utf-8", "surrogatepass"))
        elif isinstance(item, dict):
            todo.extend(inner for key, inner in item.items() if key not in but)
        elif isinstance(item, list):
            todo.extend(item)
    return total
