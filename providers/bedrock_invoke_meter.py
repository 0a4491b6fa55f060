"""Counts the answers of InvokeModel: by headers, by their bodies, by the last frame of a stream.

Owns: which of these tell the usage, and how much output a frame carries. Refuses to know: what a
token costs. It never raises, and passes every byte at once.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html

A whole answer has its counts in headers, whatever the model; Claude's body also tells for how long
what was written into the cache stays, so it goes first. In a stream each frame holds one event of
the model's own, and the last one `amazon-bedrock-invocationMetrics`. The events of Claude are those
of Anthropic's stream, so its meter reads them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.anthropic_meter import StreamMeter as ClaudeStream
from providers.bedrock_meter import stated
from providers.eventstream import Frame, Splitter
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, json_object, string_bytes
from providers.tee import Tee
from providers.wire import Facts, Reading, Usage

EVENT_TOKENS = 1
METRICS = "amazon-bedrock-invocationMetrics"


def _rows(names: Sequence[str], has_output: bool = True) -> list[Row]:
    """Of the names for input, output, and input read from and written into a cache."""
    given, made, read, written = names
    rows = [
        Row("input_tokens", (given,), required=True),
        Row("input_tokens", (read,)),
        Row("input_tokens", (written,)),
        Row("cache_read_tokens", (read,), part_of="input_tokens"),
        Row("cache_write_tokens", (written,), part_of="input_tokens"),
    ]
    return [*rows, Row("output_tokens", (made,), required=True)] if has_output else rows


# The names are those of the answers themselves; no page of AWS's lists them in one place.
_OF_METRICS = _rows(
    (
        *("inputTokenCount", "outputTokenCount"),
        *("cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
    )
)
_HEADER = "x-amzn-bedrock-{}-token-count"
_HEADERS = tuple(map(_HEADER.format, ("input", "output", "cache-read-input", "cache-write-input")))


class InvokeMeter(JsonAnswer):
    """Counts a whole answer.

    told:       reads the usage of its body, where that tells one.
    body_first: it tells more there than in the headers.
    """

    def __init__(
        self,
        facts: Facts,
        told: Callable[[dict[str, Any]], Usage | None],
        body_first: bool,
    ) -> None:
        super().__init__(told, facts.has_output)
        self._facts = facts
        self._body_first = body_first
        self._usage: Usage | None = None

    def headers(self, headers: Mapping[str, str]) -> None:
        """Reads the counts that stand there."""
        rows = _rows(_HEADERS, self._facts.has_output)
        counts = {name: _count(headers.get(name, "")) for name in _HEADERS}
        self._usage = stated(self._facts, extract(rows, counts))

    def reading(self) -> Reading:
        """The usage of the one or the other; both are final."""
        found = super().reading()
        if self._usage is None or (self._body_first and found.usage is not None):
            return found
        return replace(found, usage=self._usage)


class InvokeStreamMeter(Tee[Frame]):
    """Counts a stream of frames. `claude` reads the events of Claude; None for other models."""

    def __init__(self, facts: Facts, claude: ClaudeStream | None) -> None:
        super().__init__(Splitter())
        self._facts = facts
        self._claude = claude
        self._usage: Usage | None = None
        self._output_max = EVENT_TOKENS
        self._complete = False

    def reading(self) -> Reading:
        """The usage of the model's own events, else of the last frame."""
        if self._claude is None:
            return Reading(self._usage, self._output_max, self._complete)
        own = self._claude.reading()
        return Reading(
            self._priced(own.usage) or self._usage,
            self._output_max + own.output_tokens_max,
            self._complete or own.complete,
            self._priced(own.known),
        )

    def _priced(self, usage: Usage | None) -> Usage | None:
        """At the prices of the call's region; the model's name is AWS's, not Anthropic's."""
        if usage is None:
            return None
        return Usage(usage.counts, None, self._facts.service_tier)

    def _take(self, frame: Frame) -> None:
        if frame.payload is None:
            self._output_max += len(frame.raw)
        elif frame.headers.get(":message-type") == "event":
            part = json_object(frame.payload) or {}
            event = _decoded(part.get("bytes"))
            if frame.headers.get(":event-type") != "chunk" or event is None:
                self._output_max += len(frame.payload)
            else:
                self._read(event)

    def _read(self, data: bytes) -> None:
        event = json_object(data)
        if event is None:
            self._output_max += len(data)
            return
        metrics = event.pop(METRICS, None)
        if metrics is not None:
            self._complete = True
            self._usage = stated(self._facts, extract(_OF_METRICS, metrics))
        if self._claude is None:
            self._output_max += EVENT_TOKENS + string_bytes(event)
        else:
            # JSON of one line, whatever line ends it came with.
            self._claude.feed(b"data: " + b" ".join(data.splitlines()) + b"\n\n")


def _decoded(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
