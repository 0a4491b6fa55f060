"""Counts the answers of OpenAI Responses, whole or as an event stream.

Owns: the framing. Refuses to know: what an event tells (openai_responses_tally.py).
Usage comes without being asked for, so every byte passes at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from providers.jsonanswer import JsonAnswer, json_object
from providers.openai_responses_dialects import OPENAI
from providers.openai_responses_tally import Tally
from providers.openai_usage import UsageShape
from providers.sse import Piece, Splitter
from providers.tee import Tee
from providers.wire import Reading, Usage

# The last event holds the whole response, with what was asked: instructions, tools, all items.
MAX_EVENT_BYTES = 16 * 1024 * 1024


class JsonMeter(JsonAnswer):
    """Counts a whole JSON answer, and tells under which id it is kept."""

    def __init__(self, shape: UsageShape = OPENAI.usage) -> None:
        super().__init__(self._told)
        self._shape = shape
        self._stored: tuple[str, int] | None = None

    def reading(self) -> Reading:
        """Usage as soon as the document is whole; all bytes count as output."""
        return replace(super().reading(), stored=self._stored)

    def _told(self, document: dict[str, Any]) -> Usage | None:
        tally = Tally(self._shape)
        tally.response(document)
        told = tally.reading()
        self._stored = told.stored
        return told.usage


class StreamMeter(Tee[Piece]):
    """Counts an event stream. Every byte passes at once: usage comes without being asked for.

    https://developers.openai.com/api/reference/resources/responses/streaming-events
    """

    def __init__(self, shape: UsageShape = OPENAI.usage) -> None:
        super().__init__(Splitter(MAX_EVENT_BYTES))
        self._tally = Tally(shape)

    def reading(self) -> Reading:
        """The usage if it came, and a bound on the output delivered so far."""
        return self._tally.reading()

    def _take(self, piece: Piece) -> None:
        if piece.oversized:
            self._tally.loose(len(piece.raw))
        elif piece.data is None:
            return
        elif piece.data.strip() == b"[DONE]":
            self._tally.complete = True
        else:
            event = json_object(piece.data)
            if event is None:
                self._tally.loose(len(piece.data))
            else:
                self._tally.event(event, len(piece.data))
