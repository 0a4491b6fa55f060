"""Counts the answers of OpenAI Chat Completions, whole or streamed.

Owns: which bytes tell the usage, and which event the client did not ask for.
Refuses to know: what a token costs. It never raises: what it cannot read it passes on, and counts.

Usage replaces, never adds: some compatible hosts send a running total on every chunk, and the last
one counts. While none was seen, the output delivered is bounded by its bytes (see tokens.py), plus
a little per chunk, choice and tool call for tokens that leave no text.
"""

from __future__ import annotations

import json
from typing import Any

from providers.capture import Capture
from providers.fields import Row, extract
from providers.sse import Piece, Splitter
from providers.wire import Reading, Usage

CHUNK_TOKENS = 1
CHOICE_TOKENS = 16
TOOL_CALL_TOKENS = 16

# https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage
USAGE = (
    Row("input_tokens", ("prompt_tokens",), required=True),
    Row(
        "cache_read_tokens",
        ("prompt_tokens_details", "cached_tokens"),
        part_of="input_tokens",
    ),
    Row(
        "cache_write_tokens",
        ("prompt_tokens_details", "cache_write_tokens"),
        part_of="input_tokens",
    ),
    Row(
        "input_audio_tokens",
        ("prompt_tokens_details", "audio_tokens"),
        part_of="input_tokens",
    ),
    Row("output_tokens", ("completion_tokens",), required=True),
    Row(
        "output_reasoning_tokens",
        ("completion_tokens_details", "reasoning_tokens"),
        part_of="output_tokens",
    ),
    Row(
        "output_audio_tokens",
        ("completion_tokens_details", "audio_tokens"),
        part_of="output_tokens",
    ),
)


class JsonMeter:
    """Counts a whole JSON answer: every byte passes at once, the document is read at its end."""

    def __init__(self, table: tuple[Row, ...] = USAGE, has_output: bool = True) -> None:
        self._table = table
        self._has_output = has_output
        self._capture = Capture()
        self._read_at = 0
        self._document: dict[str, Any] | None = None

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
            self._document = _object(self._capture.kept() or b"")
        output_max = self._capture.size if self._has_output else 0
        if self._document is None:
            return Reading(None, output_max, False)
        counts = extract(self._table, self._document.get("usage"))
        model, tier = _text(self._document, "model"), _text(self._document, "service_tier")
        usage = None if counts is None else Usage(counts, model, tier)
        return Reading(usage, output_max, True)


class StreamMeter:
    """Counts an event stream; if told to, withholds the usage chunk that AEX asked for itself.

    https://platform.openai.com/docs/api-reference/chat-streaming/streaming
    When hiding, an event passes as soon as it is complete; when not, every byte passes at once.
    """

    def __init__(self, hide_usage: bool) -> None:
        self._hide_usage = hide_usage
        self._splitter = Splitter()
        self._hid_last = False
        self._counts: dict[str, int] | None = None
        self._model: str | None = None
        self._service_tier: str | None = None
        self._output_max = 0
        self._choices_seen: set[int] = set()
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
        usage = None
        if self._counts is not None:
            usage = Usage(self._counts, self._model, self._service_tier)
        return Reading(usage, self._output_max, self._complete)

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
        chunk = _object(piece.data)
        if chunk is None:
            self._output_max += len(piece.data)
            return False
        self._model = _text(chunk, "model") or self._model
        self._service_tier = _text(chunk, "service_tier") or self._service_tier
        if isinstance(chunk.get("usage"), dict):
            self._counts = extract(USAGE, chunk["usage"])
        choices = chunk.get("choices")
        if isinstance(choices, list):
            self._output_max += sum(map(self._choice_tokens, choices))
        elif "error" not in chunk:
            self._output_max += len(piece.data)
        return self._hide_usage and choices == [] and isinstance(chunk.get("usage"), dict)

    def _choice_tokens(self, choice: Any) -> int:
        bound = CHUNK_TOKENS
        if not isinstance(choice, dict):
            return bound + _string_bytes(choice)
        index = choice.get("index")
        if type(index) is int and index not in self._choices_seen:
            self._choices_seen.add(index)
            bound += CHOICE_TOKENS
        for key in ("delta", "message", "text"):
            bound += _string_bytes(choice.get(key))
        delta = choice.get("delta")
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else ():
            starts = isinstance(call, dict) and call.get("id")
            bound += TOOL_CALL_TOKENS if starts else CHUNK_TOKENS
        return bound


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(document: dict[str, Any], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None


def _string_bytes(value: Any) -> int:
    """UTF-8 bytes of all strings inside a JSON value; keys are the provider's own, not output."""
    total = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            total += len(item.encode("utf-8", "surrogatepass"))
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return total
