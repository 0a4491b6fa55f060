"""Where a stream may be ended: after a whole event, never in the middle of one.

Owns: telling from the bytes alone where events end, for each framing of a stream.
Refuses to know: what an event says. An edge is cheap to follow and never raises.

SSE:        an event ends with an empty line
            https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
JSON lines: an event is a line, https://github.com/ndjson/ndjson-spec
AWS:        frames that tell their lengths (eventstream.py)
JSON array: an event is an element, and what follows it begins with the comma
            https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from providers import eventstream
from providers.eventstream import FrameEdge
from providers.media_type import media_type
from providers.sse import MAX_EVENT_BYTES

# A CR ends a line; an LF right after it belongs to it.
_EMPTY_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_EMPTY_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_USUAL_ENDS = (b"\n\n", b"\r\n\r\n")
_TAIL_BYTES = 4
_JSON_MARK = re.compile(rb'[\\"{}\[\],]')


class Edge(Protocol):
    """Follows a stream.

    at:     all that was passed is whole events, so that another may follow now.
    events: it is events at all; known from its first bytes on.
    unread: how many bytes were of events too large to be read, so that they say nothing.
    """

    @property
    def at(self) -> bool: ...

    @property
    def events(self) -> bool: ...

    @property
    def unread(self) -> int: ...

    def passed(self, data: bytes) -> None:
        """These bytes went to the client."""
        ...

    def within(self, data: bytes) -> int | None:
        """How many of the bytes that come next complete an event; None if they do not."""
        ...


class SseEdge:
    """Of a `text/event-stream`."""

    events = True

    def __init__(self) -> None:
        # Nothing has been sent: an event may begin.
        self._tail = b"\n\n"
        self._open = 0
        self._too_large = 0

    @property
    def at(self) -> bool:
        """True after an empty line."""
        found = _EMPTY_LINE.search(self._tail)
        while found is not None and found.end() < len(self._tail):
            found = _EMPTY_LINE.search(self._tail, found.start() + 1)
        return found is not None

    @property
    def unread(self) -> int:
        """Bytes of events above the limit of the splitter."""
        return self._too_large + (self._open if self._open > MAX_EVENT_BYTES else 0)

    def passed(self, data: bytes) -> None:
        """Keeps the last few bytes, and how long the event has become."""
        if data.endswith(_USUAL_ENDS) and self._open + len(data) <= MAX_EVENT_BYTES:
            self._tail, self._open = data[-_TAIL_BYTES:], 0
            return
        before, joined = len(self._tail), self._tail + data
        self._tail = joined[-_TAIL_BYTES:]
        end = max(joined.rfind(line) + len(line) for line in _EMPTY_LINES) - before
        if end <= 0:
            self._open += len(data)
            return
        self._open += end
        self._too_large = self.unread
        self._open = len(data) - end

    def within(self, data: bytes) -> int | None:
        """Up to and with the first empty line."""
        before = len(self._tail)
        for found in _EMPTY_LINE.finditer(self._tail + data):
            if found.end() > before:
                return found.end() - before
        return None


class LineEdge:
    """Of JSON lines."""

    events = True
    unread = 0

    def __init__(self) -> None:
        self.at = True

    def passed(self, data: bytes) -> None:
        """Looks at the last byte."""
        if data:
            self.at = data.endswith(b"\n")

    def within(self, data: bytes) -> int | None:
        """Up to and with the first LF."""
        return data.find(b"\n") + 1 or None


class ArrayEdge:
    """Of one JSON array. A document that is none has no edges."""

    unread = 0

    def __init__(self) -> None:
        self.at = False
        self.events = False
        self._depth = 0
        self._in_text = False
        self._escaped = False

    def passed(self, data: bytes) -> None:
        """Follows the brackets."""
        for _ in self._ends(data):
            pass

    def within(self, data: bytes) -> int | None:
        """Up to the end of the first element."""
        kept = (self.at, self.events, self._depth, self._in_text, self._escaped)
        end = next(self._ends(data), None)
        self.at, self.events, self._depth, self._in_text, self._escaped = kept
        return end

    def _ends(self, data: bytes) -> Iterator[int]:
        """Where elements end."""
        skipped = 0 if self._escaped and data else -1
        self._escaped = self._escaped and not data
        for mark in _JSON_MARK.finditer(data):
            if mark.start() == skipped:
                continue
            if self._in_text:
                if mark.group() == b"\\":
                    skipped = mark.end()
                    self._escaped = skipped == len(data)
                else:
                    self._in_text = mark.group() != b'"'
            elif self._outside(mark.group()):
                yield mark.end()

    def _outside(self, mark: bytes) -> bool:
        """A mark that is no part of a text; True if it ends an element."""
        self.at = False
        if mark == b'"':
            self._in_text = True
        elif mark in b"{[":
            self.events = self.events or (not self._depth and mark == b"[")
            self._depth += 1
        elif mark in b"}]":
            self._depth -= 1
            self.at = self.events and self._depth == 1
        return self.at


_EDGES: dict[str, type[SseEdge | LineEdge | FrameEdge | ArrayEdge]] = {
    "text/event-stream": SseEdge,
    "application/x-ndjson": LineEdge,
    "application/jsonl": LineEdge,
    "application/stream+json": LineEdge,
    eventstream.CONTENT_TYPE: FrameEdge,
    "application/json": ArrayEdge,
}


def edge_of(content_type: str) -> Edge | None:
    """The edge of a stream with this `Content-Type`; None for what is no stream."""
    made = _EDGES.get(media_type(content_type))
    return made() if made else None
