"""Counts the answers of the Gemini API: whole, as server-sent events, or as one JSON array.

Owns: which bytes tell the usage, and when it is final. Refuses to know: what a token costs.
It never raises, and never holds a byte back: there is nothing to hide.
Mirrors https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse

Each chunk of a stream carries the usage so far, so the last one counts; it is final once every
answer that was asked for has a reason for its end, or the prompt was blocked. Until then its input
is known and its output open. While no usage is final, the output delivered is bounded by the bytes
of the content as JSON (arguments of functions are the model's too, numbers and keys included), and
a little per chunk and answer for tokens that leave no text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from providers import gemini_usage
from providers.jsonanswer import JsonAnswer, json_object
from providers.jsonarray import Element, Elements
from providers.sse import Piece, Splitter
from providers.tee import Tee
from providers.wire import Reading, Usage

CHUNK_TOKENS = 1
CHOICE_TOKENS = 16


class Tally:
    """What all chunks of one answer say together.

    choices: how many answers were asked for.
    """

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._usage: Any = None
        self._model: str | None = None
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._queries: set[str] = set()
        self._blocked = False
        self.output_max = 0

    def take(self, data: bytes) -> None:
        """Reads one chunk; what cannot be read counts by its bytes."""
        chunk = json_object(data)
        if chunk is None or not self.read(chunk):
            self.output_max += len(data)

    def read(self, chunk: dict[str, Any]) -> bool:
        """Takes a chunk in; False where its answers are none that are known."""
        if isinstance(chunk.get("usageMetadata"), dict):
            self._usage = chunk["usageMetadata"]
        if isinstance(chunk.get("modelVersion"), str):
            self._model = chunk["modelVersion"]
        feedback = chunk.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._blocked = True
        candidates = chunk.get("candidates", [])
        if not isinstance(candidates, list):
            return candidates is None
        try:
            for candidate in candidates:
                self._candidate(candidate)
        except RecursionError:
            return False
        return True

    def final(self, ended: bool) -> bool:
        """True once nothing more is billed; `ended` says that the answer's bytes have ended."""
        if self._blocked:
            return True
        if len(self._finished) >= self._choices:
            return True
        return ended and bool(self._finished) and self._finished == self._seen

    def usage(self) -> Usage | None:
        """The usage so far."""
        return self._named(gemini_usage.counts(self._usage))

    def reading(self, ended: bool, complete: bool) -> Reading:
        """The usage if it is final, else what is known of its input, and what it has come to."""
        running = self.usage()
        if running is not None and self.final(ended):
            return Reading(running, self.output_max, complete)
        known = self._named(gemini_usage.known_input(self._usage))
        return Reading(None, self.output_max, complete, known, running=running)

    def _named(self, counts: dict[str, int] | None) -> Usage | None:
        if counts is None:
            return None
        if self._queries:
            searches = gemini_usage.searches(self._model or "", self._queries)
            counts = {**counts, "web_searches": searches}
        return Usage(counts, self._model, gemini_usage.service_tier(self._usage))

    def _candidate(self, candidate: Any) -> None:
        self.output_max += CHUNK_TOKENS
        if not isinstance(candidate, dict):
            self.output_max += _json_bytes(candidate)
            return
        index = candidate.get("index", 0)
        index = index if type(index) is int else -1
        if index not in self._seen:
            self._seen.add(index)
            self.output_max += CHOICE_TOKENS
        if candidate.get("finishReason"):
            self._finished.add(index)
        self.output_max += _json_bytes(candidate.get("content"))
        grounding = candidate.get("groundingMetadata")
        queries = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
        for query in queries if isinstance(queries, list) else ():
            if isinstance(query, str) and query.strip():
                self._queries.add(query)


def whole_answer(choices: int, kind: Callable[[int], Tally] = Tally) -> JsonAnswer:
    """A meter of an answer that is one JSON document, whose usage is final as it stands."""

    def read(document: dict[str, Any]) -> Usage | None:
        tally = kind(choices)
        tally.read(document)
        return tally.usage()

    return JsonAnswer(read)


class EventMeter(Tee[Piece]):
    """Counts a stream of server-sent events (`alt=sse`)."""

    def __init__(self, choices: int, kind: Callable[[int], Tally] = Tally) -> None:
        super().__init__(Splitter())
        self._tally = kind(choices)
        self._ended = False

    def finish(self) -> bytes:
        """As any; from then on it has ended."""
        super().finish()
        self._ended = True
        return b""

    def reading(self) -> Reading:
        """What is known now. There is no end mark but the reason that each answer ends for."""
        return self._tally.reading(self._ended, complete=self._tally.final(self._ended))

    def _take(self, piece: Piece) -> None:
        if piece.oversized:
            self._tally.output_max += len(piece.raw)
        elif piece.data is not None:
            self._tally.take(piece.data)


class ArrayMeter:
    """Counts a stream that is one JSON array, an element for each chunk (without `alt=sse`)."""

    def __init__(self, choices: int, kind: Callable[[int], Tally] = Tally) -> None:
        self._tally = kind(choices)
        self._elements = Elements()
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """Reads the elements that `data` completes, passes the bytes."""
        before = self._elements.pending
        complete = self._elements.feed(data)
        sizes = sum(element.size for element in complete)
        # Brackets and commas between elements, or whatever else stands there.
        self._tally.output_max += before + len(data) - sizes - self._elements.pending
        for element in complete:
            self._read(element)
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back; an element that was cut short counts by its bytes."""
        if not self._ended:
            self._tally.output_max += self._elements.pending
        self._ended = True
        return b""

    def reading(self) -> Reading:
        """What is known now; the closing bracket is the end mark."""
        return self._tally.reading(self._ended, complete=self._elements.ended)

    def _read(self, element: Element) -> None:
        if element.data is None:
            self._tally.output_max += element.size
        else:
            self._tally.take(element.data)


def _json_bytes(value: Any) -> int:
    """Bytes of a JSON value as JSON: no fewer than those of the text it was read from, in UTF-8."""
    return 0 if value is None else len(json.dumps(value))
