"""Recorded answers of frames, varied: what a contract needs of a binary format.

Owns: taking an answer apart into frames and bending the JSON of each. Refuses to know: any format.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from providers.eventstream import Frame, Splitter, frame
from tests.providers.contract import ODD, Case, bent, dumped


def frames(data: bytes) -> list[Frame]:
    splitter = Splitter()
    found, rest = splitter.feed(data), splitter.flush()
    return [*found, rest] if rest else found


def chunk(event: dict[str, Any], padding: str = "abcdefgh") -> bytes:
    """A frame of invoke-with-response-stream: the model's own event, in base64 inside JSON."""
    inner = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    payload = {"bytes": base64.b64encode(inner).decode(), "p": padding}
    return event_frame("chunk", json.dumps(payload).encode())


def event_frame(kind: str, payload: bytes) -> bytes:
    head = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(head, payload)


def held_in(data: bytes) -> Iterator[tuple[bytes, bytes, Callable[[bytes], bytes] | None]]:
    """Each frame, the JSON of the model's own in it, and what makes the frame around another."""
    for each in frames(data):
        if each.payload is None:
            yield each.raw, b"", None
            continue
        document, kept = json.loads(each.payload), each
        event = _inner(document)
        if event is None:
            yield each.raw, each.payload, lambda held, kept=kept: frame(kept.headers, held)
            continue
        held = base64.b64decode(document["bytes"])

        def around(inner: bytes, kept: Frame = kept, outer: Any = document) -> bytes:
            encoded = base64.b64encode(inner).decode()
            return frame(kept.headers, json.dumps({**outer, "bytes": encoded}).encode())

        yield each.raw, held, around


def bent_frames(case: Case) -> Iterator[bytes]:
    """The answer with one frame at a time bent: its JSON, and the JSON inside that."""
    whole = frames(case.answer)
    yield case.answer + b"\xff"
    for index, each in enumerate(whole):
        if each.payload is None:
            continue
        before = b"".join(other.raw for other in whole[:index])
        after = b"".join(other.raw for other in whole[index + 1 :])
        for payload in _bent_payloads(each.payload):
            yield before + frame(each.headers, payload) + after


def _bent_payloads(payload: bytes) -> Iterator[bytes]:
    document = json.loads(payload)
    for variant in bent(document, ODD[:9]):
        yield dumped(variant)
    event = _inner(document)
    if event is not None:
        for variant in bent(event, ODD[:9]):
            inner = base64.b64encode(dumped(variant)).decode()
            yield dumped({**document, "bytes": inner})


def _inner(document: Any) -> Any:
    """The model's own event, if the frame holds one."""
    try:
        return json.loads(base64.b64decode(document["bytes"]))
    except (TypeError, KeyError, ValueError):
        return None
