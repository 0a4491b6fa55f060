"""What looks on while a stream passes."""

from __future__ import annotations

import pytest

from providers.sse import Piece, Splitter
from providers.tee import Tee


class Noting(Tee[Piece]):
    """Keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(Splitter())
        self.seen: list[bytes | None] = []

    def _take(self, piece: Piece) -> None:
        self.seen.append(piece.data)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_every_byte_passes_and_every_piece_is_read(size: int) -> None:
    """However the stream is cut, and an end without its mark is read when it has ended."""
    stream, meter = b"data: one\n\ndata: two\n\ndata: three", Noting()
    parts = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [meter.feed(part) for part in parts] == parts
    assert [data for data in meter.seen if data] == [b"one", b"two"]
    assert meter.finish() == b""
    assert [data for data in meter.seen if data] == [b"one", b"two", b"three"]
    assert meter.finish() == b""


def test_pieces_must_be_read_by_somebody() -> None:
    """A meter that reads nothing is a mistake of its author, and is told as one."""
    with pytest.raises(NotImplementedError):
        Tee(Splitter()).feed(b"data: one\n\n")
