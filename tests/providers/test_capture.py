"""The capped copy of an answer."""

from __future__ import annotations

from providers.capture import Capture


def test_it_keeps_all_or_nothing() -> None:
    """Up to the limit every byte is kept; one more and none is."""
    capture = Capture(max_bytes=4)
    capture.add(b"ab")
    capture.add(b"c}")
    assert (capture.kept(), capture.overflowed) == (b"abc}", False)
    assert capture.ends_with(b"}")
    capture.add(b"e")
    assert (capture.kept(), capture.overflowed, capture.size) == (None, True, 5)
    capture.add(b"f")
    assert (capture.kept(), capture.size) == (None, 6)


def test_trailing_white_space_does_not_hide_the_end() -> None:
    """Servers end documents with a line end."""
    capture = Capture()
    capture.add(b"{} \r\n")
    assert capture.ends_with(b"}")
