"""Content types of answers, and whether one is a stream.

Owns: reading the header. Refuses to know: what an API streams.
"""

from __future__ import annotations

from providers.wire import Facts

EVENTS = "text/event-stream"


def media_type(content_type: str) -> str:
    """The type alone, in lower case; "" where none was told."""
    return content_type.partition(";")[0].strip().lower()


def is_stream(facts: Facts, status: int, content_type: str, kind: str = EVENTS) -> bool:
    """Whether an answer comes in pieces of this kind. Errors never do; without a type, what was
    asked for decides."""
    told = media_type(content_type)
    return status < 400 and (told == kind or (not told and facts.stream))
