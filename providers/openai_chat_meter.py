"""Counts the answers of OpenAI Chat Completions, whole or streamed.

Owns: which bytes tell the usage, and which event the client did not ask for.
Refuses to know: what a token costs. It never raises: what it cannot read it passes on, and counts.

Usage replaces, never adds: some compatible hosts send a running total on every chunk, and the last
one counts, once all choices have ended; before that it tells the input alone. While none was seen,
the output delivered is bounded by its bytes (see tokens.py), plus a little per chunk, choice and
tool call for tokens that leave no text.
"""

from __future__ import annotations

from typing import Any

from providers.jsonanswer import JsonAnswer, json_object, string_bytes, text_field
from providers.openai_usage import OPENAI_USAGE, UsageShape
from providers.sse import Piece, Splitter
from providers.wire import Reading, Usage

CHUNK_TOKENS = 1
CHOICE_TOKENS = 16
TOOL_CALL_TOKENS = 16


class JsonMeter(JsonAnswer):
    """Counts a whole JSON answer."""

    def __init__(self, shape: UsageShape = OPENAI_USAGE, has_output: bool = True) -> None:
        super().__init__(
            lambda answer: shape.read(
                shape.find(answer),
                text_field(answer, "model"),
                text_field(answer, "service_tier"),
            ),
            has_output,
        )


class StreamMeter:
    """Counts an event stream; if told to, withholds the usage chunk that AEX asked for itself.

    https://platform.openai.com/docs/api-reference/chat-streaming/streaming
    When hiding, an event passes as soon as it is complete; when not, every byte passes at once.
    """

    def __init__(self, hide_usage: bool, shape: UsageShape = OPENAI_USAGE) -> None:
        self._hide_usage = hide_usage
        self._shape = shape
        self._splitter = Splitter()
        self._hid_last = False
        self._stated: dict[str, Any] | None = None
        self._model: str | None = None
        self._service_tier: str | None = None
        self._output_max = 0
        self._choices_seen: set[int] = set()
        self._choices_open: set[int] = set()
        self._complete = False

    def feed(self, data: bytes) -> bytes:
        """Reads the events that `data` completes; returns what the client may see of them."""
        passed = b"".join([self._pass(piece) for piece in self._splitter.feed(data)])
        return passed if self._hide_usage else data

    def finish(self) -> bytes:
        """Returns the incomplete rest, unless it is what was to be hidden."""
        rest = self._splitter.flush()
        passed = self._pass(rest) if rest else b""
        return passed if self._hide_usage else b""

    def reading(self) -> Reading:
        """The last usage seen, and a bound on the output delivered so far."""
        usage = self._shape.read(self._stated, self._model, self._service_tier)
        if usage is None or self._complete or not self._choices_open:
            return Reading(usage, self._output_max, self._complete)
        told = {unit: n for unit, n in usage.counts.items() if not unit.startswith("output")}
        known = Usage(told, usage.model, usage.service_tier)
        return Reading(None, self._output_max, complete=False, known=known, running=usage)

    def _pass(self, piece: Piece) -> bytes:
        if not piece.continues:
            self._hid_last = self._read(piece)
        elif piece.oversized:
            self._output_max += len(piece.raw)
        return b"" if self._hid_last else piece.raw

    def _read(self, piece: Piece) -> bool:
        """Reads one event; True if it is the usage chunk that the client did not ask for."""
        if piece.oversized:
            self._output_max += len(piece.raw)
            return False
        if piece.data is None:
            return False
        if piece.data.strip() == b"[DONE]":
            self._complete = True
            return False
        chunk = json_object(piece.data)
        if chunk is None:
            self._output_max += len(piece.data)
            return False
        self._model = text_field(chunk, "model") or self._model
        self._service_tier = text_field(chunk, "service_tier") or self._service_tier
        stated = self._shape.find(chunk)
        if stated is not None:
            self._stated = stated
        choices = chunk.get("choices")
        if isinstance(choices, list):
            self._output_max += sum(map(self._choice_tokens, choices))
        elif "error" not in chunk:
            self._output_max += len(piece.data)
        return self._hide_usage and choices == [] and isinstance(chunk.get("usage"), dict)

    def _choice_tokens(self, choice: Any) -> int:
        bound = CHUNK_TOKENS
        if not isinstance(choice, dict):
            return bound + string_bytes(choice)
        index = choice.get("index")
        if type(index) is int and index not in self._choices_seen:
            self._choices_seen.add(index)
            self._choices_open.add(index)
            bound += CHOICE_TOKENS
        if choice.get("finish_reason"):
            self._choices_open.discard(index if type(index) is int else 0)
        for key in ("delta", "message", "text"):
            bound += string_bytes(choice.get(key))
        delta = choice.get("delta")
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else ():
            starts = isinstance(call, dict) and call.get("id")
            bound += TOOL_CALL_TOKENS if starts else CHUNK_TOKENS
        return bound
