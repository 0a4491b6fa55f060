"""Splits an answer of JSON documents, one a line, without losing or delaying a byte.

Owns: line ends and the limit on a line. Refuses to know: what a line means.
Mirrors https://github.com/ndjson/ndjson-spec, which Cohere and Ollama stream by.

Invariant as in sse.py: the `raw` of all pieces, in order, followed by `flush()`, is the input.
"""

from __future__ import annotations

from providers.sse import Piece

MAX_LINE_BYTES = 1024 * 1024


class LineSplitter:
    """Feed it bytes cut anywhere; it returns the lines that are complete."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._buffer = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Piece]:
        """Takes bytes, returns the lines they complete, in order; blank ones have no data."""
        *whole, rest = data.split(b"\n")
        pieces = []
        for part in whole:
            self._buffer += part + b"\n"
            pieces.append(self._complete())
        self._buffer += rest
        if len(self._buffer) > self._max_line_bytes or (self._skipping and self._buffer):
            pieces.append(Piece(bytes(self._buffer), continues=self._skipping, oversized=True))
            self._buffer.clear()
            self._skipping = True
        return pieces

    def flush(self) -> Piece | None:
        """The rest, which no line end follows; None if there is no rest."""
        return self._complete() if self._buffer else None

    def _complete(self) -> Piece:
        raw = bytes(self._buffer)
        self._buffer.clear()
        oversized = self._skipping or len(raw) > self._max_line_bytes
        line = raw.strip()
        piece = Piece(raw, "", line if line and not oversized else None, self._skipping, oversized)
        self._skipping = False
        return piece
