"""A meter that looks on: every byte passes at once, and what it completes is read.

Owns: the loop over the pieces of a stream. Refuses to know: how it is cut, what a piece says.
"""

from __future__ import annotations

from typing import Protocol


class Splits[P](Protocol):
    """What cuts a stream into pieces (sse.py, lines.py, eventstream.py)."""

    def feed(self, data: bytes) -> list[P]:
        """The pieces that these bytes complete."""
        ...

    def flush(self) -> P | None:
        """The incomplete rest."""
        ...


class Tee[P]:
    """The half of a meter that is the same for all that withhold nothing; see `_take`."""

    def __init__(self, splitter: Splits[P]) -> None:
        self._splitter = splitter

    def feed(self, data: bytes) -> bytes:
        """Reads the pieces that `data` completes; the bytes themselves pass."""
        for piece in self._splitter.feed(data):
            self._take(piece)
        return data

    def finish(self) -> bytes:
        """Reads the incomplete rest, for an end without its mark still counts; nothing was held."""
        rest = self._splitter.flush()
        if rest is not None:
            self._take(rest)
        return b""

    def _take(self, piece: P) -> None:
        """Reads one piece. Never raises."""
        raise NotImplementedError
