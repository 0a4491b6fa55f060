"""Counts the answers of Anthropic Messages, whole or streamed.

Owns: which bytes tell the usage, and when it is final. Refuses to know: what a token costs. It
never raises, and passes every byte at once: nothing is asked for, so nothing is hidden.

`message_start` tells the input, and each `message_delta` what was used so far, in all: the last one
replaces what was said before, and what it does not name stands. It is final once it comes with a
reason for stopping; before that only the input counts, for there may be more output to come.
Tokens of a summary that the provider wrote beside the answer stand in `iterations` alone.

While no usage is final, the output delivered is bounded by its bytes (anthropic_tokens.py), plus
a little per block and delta for tokens that leave no text: marks of tool calls, citations, the end.
"""

from __future__ import annotations

import json
from typing import Any

from providers.anthropic_tokens import BLOCK_TOKENS
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, json_object, string_bytes, text_field
from providers.sse import Piece, Splitter
from providers.tee import Tee
from providers.wire import Facts, Reading, Usage

DELTA_TOKENS = 1
CITATION_TOKENS = 16

_TOKENS = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("input_tokens", ("cache_creation_input_tokens",)),
    Row("input_tokens", ("cache_read_input_tokens",)),
    Row("cache_write_tokens", ("cache_creation_input_tokens",), part_of="input_tokens"),
    Row(
        "cache_write_5m_tokens",
        ("cache_creation", "ephemeral_5m_input_tokens"),
        part_of="cache_write_tokens",
    ),
    Row(
        "cache_write_1h_tokens",
        ("cache_creation", "ephemeral_1h_input_tokens"),
        part_of="cache_write_tokens",
    ),
    Row("cache_read_tokens", ("cache_read_input_tokens",), part_of="input_tokens"),
    Row("output_tokens", ("output_tokens",), required=True),
    Row(
        "output_reasoning_tokens",
        ("output_tokens_details", "thinking_tokens"),
        part_of="output_tokens",
    ),
)
# https://platform.claude.com/docs/en/api/messages/create (the returned `usage`)
USAGE = (*_TOKENS, Row("web_searches", ("server_tool_use", "web_search_requests")))
# https://platform.claude.com/docs/en/about-claude/pricing#code-execution-tool
_EXECUTIONS = Row("code_executions", ("server_tool_use", "code_execution_requests"))


class MessageMeter(JsonAnswer):
    """Counts a whole JSON answer."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(lambda document: stated(facts, document, document.get("usage")))


class StreamMeter(Tee[Piece]):
    """Counts an event stream.

    https://platform.claude.com/docs/en/build-with-claude/streaming#event-types
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(Splitter())
        self._facts = facts
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._output_max = BLOCK_TOKENS
        self._counted = False
        self._stopped = False
        self._complete = False

    def reading(self) -> Reading:
        """The usage once it is final, the input before, and a bound on the output delivered."""
        usage = stated(self._facts, self._message, self._usage)
        if usage is None or (self._counted and (self._stopped or self._complete)):
            return Reading(usage, self._output_max, self._complete)
        told = {key: n for key, n in usage.counts.items() if key.startswith(("input", "cache"))}
        # Only a host that tells its input at the end says zero at the start.
        known = Usage(told, usage.model, usage.service_tier) if told["input_tokens"] else None
        running = usage if self._counted else None
        return Reading(None, self._output_max, self._complete, known, running=running)

    def _take(self, piece: Piece) -> None:
        if piece.oversized:
            self._output_max += len(piece.raw)
        elif piece.data is not None and not piece.continues:
            event = json_object(piece.data) or {}
            self._read(text_field(event, "type"), event, len(piece.data))

    def _read(self, kind: str | None, event: dict[str, Any], size: int) -> None:
        if kind == "message_start":
            self._message = _object(event.get("message"))
            self._usage = _object(self._message.get("usage"))
            self._output_max += string_bytes(self._message.get("content"))
        elif kind == "content_block_start":
            block = _object(event.get("content_block"))
            written = len(json.dumps(block.get("input")))
            self._output_max += BLOCK_TOKENS + string_bytes(block) + written
        elif kind == "content_block_delta":
            delta = _object(event.get("delta"))
            said = [value for key, value in delta.items() if key != "type"]
            self._output_max += DELTA_TOKENS + string_bytes(said)
            self._output_max += CITATION_TOKENS if "citation" in delta else 0
        elif kind == "message_delta":
            usage = _object(event.get("usage"))
            self._counted = self._counted or bool(usage)
            self._stopped = self._stopped or bool(_object(event.get("delta")).get("stop_reason"))
            said_now = {key: value for key, value in usage.items() if value is not None}
            self._usage = {**self._usage, **said_now}
        elif kind == "message_stop":
            self._complete = True
        elif kind not in ("content_block_stop", "ping", "error"):
            self._output_max += size


def stated(facts: Facts, message: dict[str, Any], usage: Any) -> Usage | None:
    """The usage of a message, or None where it states none that is usable.

    message: the whole answer, for its model; usage: its usage object, whatever that is.
    """
    billed = "code_executions" in facts.server_units
    counts = extract((*USAGE, _EXECUTIONS) if billed else USAGE, usage)
    if counts is None:
        return None
    iterations = usage.get("iterations")
    for each in iterations if isinstance(iterations, list) else ():
        # The other kinds are in the totals already, or not to be had (they are refused).
        if isinstance(each, dict) and each.get("type") == "compaction":
            summary = extract(_TOKENS, each)
            if summary is None:
                return None
            for key, count in summary.items():
                counts[key] = counts.get(key, 0) + count
    _place_writes(facts, counts)
    return Usage(counts, text_field(message, "model"), _tier(usage))


def _place_writes(facts: Facts, counts: dict[str, int]) -> None:
    """Cache writes of which it is not said how long they last are for an hour, if any may be.

    A `message_delta` tells them in all, and only `message_start` tells them apart.
    """
    written = counts.get("cache_write_tokens", 0)
    hour = counts.get("cache_write_1h_tokens", 0)
    rest = written - hour - counts.get("cache_write_5m_tokens", 0)
    if rest > 0 and "cache_write_1h_tokens" not in facts.unbilled:
        counts["cache_write_1h_tokens"] = hour + rest


def _tier(usage: dict[str, Any]) -> str | None:
    """As prices name it; the standard and the prepaid priority tier are None."""
    parts = ["fast"] * (usage.get("speed") == "fast")
    tier = text_field(usage, "service_tier")
    parts += [tier] if tier not in (None, "standard", "priority") else []
    parts += ["us"] * (usage.get("inference_geo") not in (None, "global", "not_available"))
    return " ".join(parts) or None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
