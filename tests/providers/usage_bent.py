"""Recorded answers in which the provider tells its usage otherwise, for any format of JSON events.

Owns: cutting an answer into its events, and writing usage into them anew.
Refuses to know: any one format, but for the names under which usage is told.

    present      as recorded
    absent       nowhere told
    null         told as null
    repeated     each event that tells it comes twice
    cumulative   running totals before the last one
    per chunk    a running total on every event

And, as no honest provider tells it: `as text`, `negative`, `absurd`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.sse import Splitter
from tests.providers.framed import held_in

KINDS = ("present", "absent", "null", "repeated", "cumulative", "per chunk")
LIES: dict[str, Callable[[int], Any]] = {
    "as text": str,
    "negative": lambda count: -count - 1,
    "absurd": lambda count: 10**30 + count,
}
_NAMES = frozenset(
    (
        *("usage", "usageMetadata", "statistics", "meta", "billed_units"),
        *("prompt_eval_count", "eval_count", "amazon-bedrock-invocationMetrics"),
        "duration",
    )
)
_DATA = re.compile(rb"(?m)^data: ?(\{.*\})(?=\r?$|\r)")
_LINE = re.compile(rb"[^\n]*\n?")


@dataclass(frozen=True)
class Event:
    """A stretch of an answer, and the JSON object that it holds, if it is one.

    framed: makes the stretch anew around another payload, where it has lengths and checksums.
    """

    raw: bytes
    document: Any = None
    payload: bytes = b""
    framed: Callable[[bytes], bytes] | None = None

    def telling(self, document: Any) -> Event:
        """The same event with another document."""
        payload = json.dumps(document).encode()
        raw = self.framed(payload) if self.framed else self.raw.replace(self.payload, payload)
        return Event(raw, document, payload, self.framed)


def events(answer: bytes) -> list[Event]:
    """The answer in pieces, which joined are the answer; a JSON document is one of them."""
    head = answer.lstrip()[:1]
    if head == b"{" and (whole := _object(answer)) is not None:
        return [Event(answer, whole, answer)]
    if head == b"{":
        return [_line(line) for line in _LINE.findall(answer) if line]
    if head == b"[":
        return _elements(answer)
    if head == b"\0":
        return [Event(raw, _object(held), held, framed) for raw, held, framed in held_in(answer)]
    splitter = Splitter(max_event_bytes=2**30)
    pieces = splitter.feed(answer)
    rest = splitter.flush()
    return [_event(piece.raw) for piece in [*pieces, *([rest] if rest else [])]]


def bent(answer: bytes, kind: str) -> list[bytes] | None:
    """The answer in chunks, one for each event; None where the answer cannot be bent so."""
    found = events(answer)
    telling = [index for index, event in enumerate(found) if _tells(event.document)]
    if kind == "present":
        return [event.raw for event in found]
    if not telling:
        return None
    if kind in ("absent", "null"):
        change = _without if kind == "absent" else _null
        return [_changed(event, change).raw for event in found]
    if kind in LIES:
        return [
            _recounted(event, LIES[kind]).raw if _tells(event.document) else event.raw
            for event in found
        ]
    if len(found) == 1 or found[0].raw.lstrip()[:1] == b"[":
        return None
    last = telling[-1]
    if kind == "repeated":
        return [event.raw for i, event in enumerate(found) for _ in range(1 + (i in telling))]
    if _is_terminal(found, last):
        return None
    if kind == "cumulative":
        running = [_scaled(found[last], third, 3).raw for third in (1, 2)]
        return [*(e.raw for e in found[:last]), *running, *(e.raw for e in found[last:])]
    return _on_every_event(found, last)


def _on_every_event(found: list[Event], last: int) -> list[bytes] | None:
    names = _NAMES & found[last].document.keys()
    if not names or "type" in found[last].document:
        return None
    told: list[bytes] = []
    for index, event in enumerate(found):
        raw = event.raw
        if index < last and isinstance(event.document, dict):
            running = _scaled(found[last], index, last).document
            total = {name: running[name] for name in names}
            raw = event.telling({**event.document, **total}).raw
        told.append(raw)
    return told


def _is_terminal(found: list[Event], last: int) -> bool:
    """Whether the event that tells is the one that ends the answer: there can be no other."""
    typed = "type" in found[last].document
    return typed and all(event.document is None for event in found[last + 1 :])


def _line(raw: bytes) -> Event:
    document = _object(raw)
    return Event(raw) if document is None else Event(raw, document, raw.strip())


def _event(raw: bytes) -> Event:
    found = _DATA.search(raw)
    document = _object(found.group(1)) if found else None
    return Event(raw, document, found.group(1)) if found and document else Event(raw)


def _elements(answer: bytes) -> list[Event]:
    """A JSON array: each element with what stands before it."""
    text, found, at = answer.decode(), list[Event](), 0
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            document, end = decoder.raw_decode(text, start)
        except ValueError:
            break
        found.append(Event(text[at:end].encode(), document, text[start:end].encode()))
        at, start = end, text.find("{", end)
    return [*found, Event(text[at:].encode())] if text[at:] else found


def _object(data: bytes) -> Any:
    try:
        document = json.loads(data)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _tells(value: Any) -> bool:
    if isinstance(value, dict):
        return any((key in _NAMES and inner) or _tells(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_tells, value))


def _changed(event: Event, change: Callable[[Any], Any]) -> Event:
    return event.telling(change(event.document)) if _tells(event.document) else event


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in _NAMES}
    return [_without(inner) for inner in value] if isinstance(value, list) else value


def _null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: None if key in _NAMES else _null(inner) for key, inner in value.items()}
    return [_null(inner) for inner in value] if isinstance(value, list) else value


def _scaled(event: Event, part: int, whole: int) -> Event:
    """The event with every count of its usage at a part of what it was."""
    return _recounted(event, lambda count: count * part // whole)


def _recounted(event: Event, count: Callable[[int], Any]) -> Event:
    """The event with every count of its usage told otherwise."""

    def told(value: Any, inside: bool) -> Any:
        if isinstance(value, dict):
            return {key: told(inner, inside or key in _NAMES) for key, inner in value.items()}
        if isinstance(value, list):
            return [told(inner, inside) for inner in value]
        return count(value) if inside and type(value) in (int, float) else value

    return event.telling(told(event.document, False))
