"""Counts the answers of Cohere's Chat, whole or streamed, in both versions of the API.

Owns: which bytes tell what is billed. Refuses to know: what a token costs.

`billed_units` is the bill; `tokens` beside it counts Cohere's own framing too, and is not read.
The output delivered is bounded by the bytes of all strings in an event, plus a little for tokens
that leave no text.
"""

from __future__ import annotations

from typing import Any

from providers.events import EventMeter, Told
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, string_bytes
from providers.lines import LineSplitter
from providers.media_type import media_type
from providers.sse import Splitter
from providers.wire import Facts, Usage
from providers.wire_format import Meter

EVENT_TOKENS = 16

# https://docs.cohere.com/reference/chat#response.body.usage (v2)
# https://docs.cohere.com/v1/reference/chat#response.body.meta (v1)
BILLED = (
    Row("input_tokens", ("billed_units", "input_tokens"), required=True),
    Row("output_tokens", ("billed_units", "output_tokens"), required=True),
)


def v2_meter(facts: Facts, status: int, content_type: str) -> Meter:
    """A meter for an answer of `/v2/chat`."""
    if _kind(content_type, facts, "text/event-stream") == "text/event-stream" and status < 400:
        return EventMeter(Splitter(), _v2_event)
    return JsonAnswer(lambda document: usage_of(document.get("usage")))


def v1_meter(facts: Facts, status: int, content_type: str) -> Meter:
    """A meter for an answer of `/v1/chat`: lines of JSON, or events where the client asks so."""
    if facts.stream and status < 400:
        kind = _kind(content_type, facts, "application/stream+json")
        events = kind == "text/event-stream"
        return EventMeter(Splitter() if events else LineSplitter(), _v1_event)
    return JsonAnswer(lambda document: usage_of(document.get("meta")))


def usage_of(billing: Any) -> Usage | None:
    """The usage that an object with `billed_units` tells, or None."""
    counts = extract(BILLED, billing)
    return None if counts is None else Usage(counts)


def _kind(content_type: str, facts: Facts, default: str) -> str:
    kind = media_type(content_type)
    return kind or (default if facts.stream else "application/json")


def _v2_event(event: dict[str, Any]) -> Told:
    delta = event.get("delta")
    if event.get("type") != "message-end":
        return Told(EVENT_TOKENS + string_bytes(delta))
    return Told(ends=True, usage=usage_of(delta.get("usage") if isinstance(delta, dict) else None))


def _v1_event(event: dict[str, Any]) -> Told:
    if event.get("event_type") != "stream-end":
        return Told(EVENT_TOKENS + string_bytes(event))
    whole = event.get("response")
    return Told(ends=True, usage=usage_of(whole.get("meta") if isinstance(whole, dict) else None))
