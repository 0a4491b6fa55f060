"""Splits one JSON array, as it arrives, into its elements.

Owns: where an element begins and ends. Refuses to know: what elements mean; they are not parsed.

An element that is an object is found by its braces, outside of strings. Everything else between
elements (brackets, commas, white space) is passed over. Bytes that are no JSON array yield nothing,
or what looks like elements; whoever parses them finds out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ELEMENT_BYTES = 1024 * 1024

_MARKS = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class Element:
    """One element; `data` is None where it is larger than the limit and was not kept."""

    size: int
    data: bytes | None


class Elements:
    """Feed it bytes cut anywhere; it returns the elements that are complete.

    ended:   the array's closing bracket was seen.
    pending: bytes of an element under way.
    """

    def __init__(self, max_bytes: int = MAX_ELEMENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._element = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self.pending = 0
        self.ended = False

    def feed(self, data: bytes) -> list[Element]:
        """Takes bytes, returns the elements they complete, in order."""
        complete: list[Element] = []
        start = at = 0
        while at < len(data):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            match = (_IN_STRING if self._in_string else _MARKS).search(data, at)
            if match is None:
                break
            at, mark = match.end(), match.group()
            if mark == b"\\":
                self._escaped = True
            elif mark == b'"':
                self._in_string = not self._in_string and self._depth > 0
            elif mark in b"{[":
                if not self._depth and mark == b"[":
                    continue
                if not self._depth:
                    start = match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    self._keep(data[start:at])
                    complete.append(self._complete())
            elif mark == b"]":
                self.ended = True
        if self._depth:
            self._keep(data[start:])
        return complete

    def _keep(self, data: bytes) -> None:
        self.pending += len(data)
        if self.pending > self._max_bytes:
            self._element.clear()
        else:
            self._element += data

    def _complete(self) -> Element:
        kept = bytes(self._element) if self.pending <= self._max_bytes else None
        element = Element(self.pending, kept)
        self._element.clear()
        self.pending = 0
        return element
