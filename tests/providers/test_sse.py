"""The event-stream splitter: every byte comes out, and events are what the standard says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.sse import Piece, Splitter

PARTS = [
    b"data",
    b":",
    b" ",
    b"\r",
    b"\n",
    b"\r\n",
    b"x",
    b"event",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\0",
]
STREAMS = st.lists(st.sampled_from(PARTS), max_size=40).map(b"".join)


def split(chunks: list[bytes], limit: int = 1 << 20) -> list[Piece]:
    """All pieces of a stream fed chunk by chunk, the rest included."""
    splitter = Splitter(limit)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    rest = splitter.flush()
    return [*pieces, rest] if rest else pieces


def events(pieces: list[Piece]) -> list[tuple[str, bytes]]:
    """Name and data of the pieces that have data."""
    return [(piece.name, piece.data) for piece in pieces if piece.data is not None]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [("", b"a")]),
        (b"data:a\r\n\r\n", [("", b"a")]),
        (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
        (b"data:  a\n\n", [("", b" a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("", b"a")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"event: e\ndata: a\n\ndata: b\n\n", [("e", b"a"), ("", b"b")]),
        (b": comment\n\nid: 1\nretry: 2\n\n", []),
        (b"data\n\n", [("", b"")]),
        (b"event: lost\n\ndata: a\n\n", [("", b"a")]),
        (b"data: a", [("", b"a")]),
        (b"data: a\n", [("", b"a")]),
    ],
)
def test_events_are_what_the_standard_says(
    stream: bytes, expected: list[tuple[str, bytes]]
) -> None:
    """Each example of the format is read as the standard reads it, but that a rest is read too."""
    assert events(split([stream])) == expected
    assert events(split([bytes([byte]) for byte in stream])) == expected


@given(STREAMS, st.data(), st.sampled_from([4, 12, 1 << 20]))
def test_cuts_change_nothing(stream: bytes, data: st.DataObject, limit: int) -> None:
    """However a stream is cut, all bytes come out in order and the same events are read."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    ends = [*cuts, len(stream)]
    chunks = [stream[a:b] for a, b in zip([0, *cuts], ends, strict=True)]
    pieces = split(chunks, limit)
    assert b"".join(piece.raw for piece in pieces) == stream
    assert events(pieces) == events(split([stream], limit))


def test_an_event_comes_out_with_its_last_byte() -> None:
    """A blank line completes an event at once, also one that ends in CR with an LF to come."""
    splitter = Splitter()
    assert splitter.feed(b"data: a\r\n\r") == [Piece(b"data: a\r\n\r", "", b"a")]
    assert splitter.feed(b"\n") == [Piece(b"\n", continues=True)]
    assert splitter.feed(b"data: b\r\n\r\n") == [Piece(b"data: b\r\n\r\n", "", b"b")]


def test_a_too_large_event_passes_unread_and_the_next_is_read() -> None:
    """Beyond the limit bytes are handed on without being kept, until the event's blank line."""
    splitter = Splitter(16)
    first = splitter.feed(b"data: " + b"x" * 20)
    assert first == [Piece(b"data: " + b"x" * 20, oversized=True)]
    assert splitter.feed(b"x") == [Piece(b"x", continues=True, oversized=True)]
    assert splitter.feed(b"\n\ndata: a\n\n") == [
        Piece(b"\n\n", continues=True, oversized=True),
        Piece(b"data: a\n\n", "", b"a"),
    ]
