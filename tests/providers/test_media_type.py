"""Content types of answers."""

from __future__ import annotations

import pytest

from providers.media_type import is_stream, media_type
from providers.wire import Facts


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("", ""),
        ("Text/Event-Stream; charset=utf-8", "text/event-stream"),
        (" a/b ;c", "a/b"),
    ],
)
def test_the_type_alone(told: str, kind: str) -> None:
    """Parameters, case and blanks say nothing of what it is."""
    assert media_type(told) == kind


@pytest.mark.parametrize(
    ("asked", "status", "told", "streams"),
    [
        (True, 200, "text/event-stream", True),
        (False, 200, "text/event-stream", True),
        (True, 200, "application/json", False),
        (True, 200, "", True),
        (False, 200, "", False),
        (True, 400, "text/event-stream", False),
        (True, 399, "", True),
    ],
)
def test_whether_it_is_a_stream(asked: bool, status: int, told: str, streams: bool) -> None:
    """The answer's own word decides; without one, what was asked for; an error is none."""
    facts = Facts("/v1/x", "metered", stream=asked)
    assert is_stream(facts, status, told) is streams
    assert is_stream(facts, status, told, "a/frame") is (streams and not told)
