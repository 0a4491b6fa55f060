"""Counts the answers of OpenAI Responses, whole or as an event stream.

Owns: the framing. Refuses to know: what an event tells (openai_responses_tally.py).
Usage comes without being asked for, so every byte passes at once.
"""

from __future__ import annotations

from providers.capture import Capture
from providers.openai_responses_tally import Tally, parsed
from providers.sse import Piece, Splitter
from providers.wire import Reading

# The last event holds the whole response, with what was asked: instructions, tools, all items.
MAX_EVENT_BYTES = 16 * 1024 * 1024


class JsonMeter:
    """Counts a whole JSON answer: every byte passes at once, the document is read at its end."""

    def __init__(self) -> None:
        self._capture = Capture()
        self._read_at = 0
        self._tally: Tally | None = None

    def feed(self, data: bytes) -> bytes:
        """Keeps a copy, passes the bytes."""
        self._capture.add(data)
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def reading(self) -> Reading:
        """Usage as soon as the document is whole; all bytes count as output."""
        if self._read_at != self._capture.size and self._capture.ends_with(b"}"):
            self._read_at = self._capture.size
            document = parsed(self._capture.kept() or b"")
            self._tally = Tally() if document is not None else None
            if self._tally is not None and document is not None:
                self._tally.response(document)
        if self._tally is None:
            return Reading(None, self._capture.size, False)
        told = self._tally.reading()
        return Reading(told.usage, self._capture.size, True, stored=told.stored)


class StreamMeter:
    """Counts an event stream. Every byte passes at once: usage comes without being asked for.

    https://developers.openai.com/api/reference/resources/responses/streaming-events
    """

    def __init__(self) -> None:
        self._splitter = Splitter(MAX_EVENT_BYTES)
        self._tally = Tally()

    def feed(self, data: bytes) -> bytes:
        """Reads the events that `data` completes, passes the bytes."""
        for piece in self._splitter.feed(data):
            self._read(piece)
        return data

    def finish(self) -> bytes:
        """Reads the incomplete rest; nothing is ever held back."""
        rest = self._splitter.flush()
        if rest is not None:
            self._read(rest)
        return b""

    def reading(self) -> Reading:
        """The usage if it came, and a bound on the output delivered so far."""
        return self._tally.reading()

    def _read(self, piece: Piece) -> None:
        if piece.oversized:
            self._tally.loose(len(piece.raw))
        elif piece.data is None:
            return
        elif piece.data.strip() == b"[DONE]":
            self._tally.complete = True
        else:
            event = parsed(piece.data)
            if event is None:
                self._tally.loose(len(piece.data))
            else:
                self._tally.event(event, len(piece.data))
