"""Splits a `text/event-stream` into events without losing or delaying a byte.

Owns: line ends, fields and limits of the format. Refuses to know: what an event's data means.
Mirrors https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

Invariant: the `raw` of all pieces, in order, followed by `flush()`, is the input, however cut.
A line may end in CR, LF or CRLF. A CR that ends an event completes it at once; if an LF follows, it
still belongs to that line end and comes out as a piece of its own, with `continues` set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_EVENT_BYTES = 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the stream: a whole event, or something between events.

    raw:       the bytes exactly as received, blank line included.
    name:      the `event:` field, empty if there was none.
    data:      the `data:` lines joined by LF; None where there is no data, or too much.
    continues: the bytes belong to the piece before (an LF after CR, or more of a too large event).
    oversized: the event is larger than the limit and was not read.
    """

    raw: bytes
    name: str = ""
    data: bytes | None = None
    continues: bool = False
    oversized: bool = False


class Splitter:
    """Feed it bytes cut anywhere; it returns the pieces that are complete."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._buffer = bytearray()
        self._line_start = 0
        self._scan = 0
        self._after_cr = False
        self._at_start = True
        self._skipping = False
        self._mid_line = False
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[Piece]:
        """Takes bytes, returns the pieces they complete, in order."""
        pieces: list[Piece] = []
        event_start = 0
        if self._after_cr and data:
            self._after_cr = False
            if data[:1] == b"\n":
                data = data[1:]
                if self._buffer or self._skipping:
                    # The line ended with the CR; this LF is no line of its own.
                    self._buffer += b"\n"
                    self._line_start = self._scan = len(self._buffer)
                else:
                    pieces.append(Piece(b"\n", continues=True))
        self._buffer += data
        while match := _LINE_END.search(self._buffer, self._scan):
            line = bytes(self._buffer[self._line_start : match.start()])
            self._line_start = self._scan = match.end()
            self._after_cr = match.group() == b"\r" and match.end() == len(self._buffer)
            if self._at_start:
                self._at_start = False
                line = line.removeprefix(_BOM)
            if line or self._mid_line:
                self._take_field(line)
            else:
                pieces.append(self._complete(bytes(self._buffer[event_start : match.end()])))
                event_start = match.end()
            self._mid_line = False
        del self._buffer[:event_start]
        self._line_start -= event_start
        self._scan = len(self._buffer)
        if len(self._buffer) > self._max_event_bytes or (self._skipping and self._buffer):
            pieces.append(self._skip())
        return pieces

    def flush(self) -> Piece | None:
        """The incomplete rest, read as if a blank line followed; None if there is no rest.

        The standard throws such a rest away. Its `data` is given here because a provider that
        forgets the last blank line has still said what it counted.
        """
        if not self._buffer:
            return None
        line = bytes(self._buffer[self._line_start :])
        if self._at_start:
            line = line.removeprefix(_BOM)
        if line:
            self._take_field(line)
        piece = self._complete(bytes(self._buffer))
        self._buffer.clear()
        self._line_start = self._scan = 0
        return piece

    def _take_field(self, line: bytes) -> None:
        if self._skipping:
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _complete(self, raw: bytes) -> Piece:
        # A last LF after CR may still be on its way, so it never counts towards the size.
        size = len(raw) - raw.endswith(b"\r\n")
        oversized = self._skipping or size > self._max_event_bytes
        data = b"\n".join(self._data) if self._data and not oversized else None
        piece = Piece(raw, self._name, data, self._skipping, oversized)
        self._name, self._data = "", []
        self._skipping = False
        return piece

    def _skip(self) -> Piece:
        # The event is too large to keep: hand out what there is and forget it, but remember where
        # whether a line was under way, so that its end is not taken for the blank line.
        piece = Piece(bytes(self._buffer), "", None, self._skipping, True)
        self._mid_line = self._mid_line or self._line_start < len(self._buffer)
        self._buffer.clear()
        self._data = []
        self._skipping = True
        self._line_start = self._scan = 0
        return piece
