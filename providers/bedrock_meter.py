"""Counts the answers of Converse, whole or streamed in frames.

Owns: which bytes tell the usage, and how much output the others carry. Refuses to know: what a
token costs. It never raises, and passes every byte at once.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html

The usage comes once, in the last frame. While none was seen, the output delivered is bounded by
its bytes, plus a little per block and delta for tokens that leave no text. A frame that cannot be
read counts by all its bytes; the padding that AWS adds to frames (`p`) is no output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.anthropic_tokens import BLOCK_TOKENS
from providers.eventstream import Frame, Splitter
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, json_object, string_bytes
from providers.tee import Tee
from providers.wire import Facts, Reading, Usage

DELTA_TOKENS = 1
_SILENT = ("messageStart", "contentBlockStop")

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html; the second
# name of each is that of Nova's own body.
_READ = (("cacheReadInputTokens",), ("cacheReadInputTokenCount",))
_WRITTEN = (("cacheWriteInputTokens",), ("cacheWriteInputTokenCount",))
USAGE = (
    Row("input_tokens", ("inputTokens",), required=True),
    Row("input_tokens", _READ[0], or_path=_READ[1]),
    Row("input_tokens", _WRITTEN[0], or_path=_WRITTEN[1]),
    Row("cache_read_tokens", _READ[0], part_of="input_tokens", or_path=_READ[1]),
    Row("cache_write_tokens", _WRITTEN[0], part_of="input_tokens", or_path=_WRITTEN[1]),
    Row("cache_write_5m_tokens", ("cacheDetails", "5m"), part_of="cache_write_tokens"),
    Row("cache_write_1h_tokens", ("cacheDetails", "1h"), part_of="cache_write_tokens"),
    Row("output_tokens", ("outputTokens",), required=True),
)


class ConverseMeter(JsonAnswer):
    """Counts a whole JSON answer."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(lambda document: converse_usage(facts, document.get("usage")))


class ConverseStreamMeter(Tee[Frame]):
    """Counts a stream of frames."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(Splitter())
        self._facts = facts
        self._usage: Usage | None = None
        self._output_max = BLOCK_TOKENS
        self._complete = False

    def reading(self) -> Reading:
        """The usage, once it has come, and a bound on the output delivered."""
        return Reading(self._usage, self._output_max, self._complete)

    def _take(self, frame: Frame) -> None:
        if frame.payload is None:
            self._output_max += len(frame.raw)
            return
        if frame.headers.get(":message-type") == "event":
            event = json_object(frame.payload) or {}
            self._read(frame.headers.get(":event-type"), event, len(frame.payload))

    def _read(self, kind: str | None, event: dict[str, Any], size: int) -> None:
        if kind == "contentBlockDelta":
            self._output_max += DELTA_TOKENS + string_bytes(event.get("delta"))
        elif kind == "contentBlockStart":
            self._output_max += BLOCK_TOKENS + string_bytes(event.get("start"))
        elif kind == "messageStop":
            self._complete = True
        elif kind == "metadata":
            self._usage = converse_usage(self._facts, event.get("usage"))
        elif kind not in _SILENT:
            self._output_max += size


def converse_usage(facts: Facts, usage: Any) -> Usage | None:
    """The usage as Converse states it, or None where it is not usable."""
    if not isinstance(usage, Mapping):
        return None
    details = usage.get("cacheDetails")
    listed = details if isinstance(details, list) else []
    by_ttl = {
        str(each.get("ttl")): each.get("inputTokens") for each in listed if isinstance(each, dict)
    }
    return stated(facts, extract(USAGE, {**usage, "cacheDetails": by_ttl}))


def stated(facts: Facts, counts: dict[str, int] | None) -> Usage | None:
    """The counts as a usage, at the prices of the call's region; None stays None.

    Cache writes of which it is not said how long they last are for an hour, if any may be.
    """
    if counts is None:
        return None
    hour = counts.get("cache_write_1h_tokens", 0)
    rest = counts.get("cache_write_tokens", 0) - hour - counts.get("cache_write_5m_tokens", 0)
    if rest > 0 and "cache_write_1h_tokens" not in facts.unbilled:
        counts["cache_write_1h_tokens"] = hour + rest
    return Usage(counts, None, facts.service_tier)
