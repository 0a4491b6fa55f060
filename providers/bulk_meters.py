"""Reads answers about batches: an object that tells of some, and results, one JSON text a line.

Owns: when such an answer is whole. Refuses to know: any API; what objects and lines say is told by
the functions that are given. Never raises, and passes every byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from providers.bulk import News
from providers.capture import Capture
from providers.jsonanswer import json_object
from providers.lines import LineSplitter
from providers.paths import SEGMENT
from providers.sse import Piece
from providers.tee import Tee
from providers.wire import Reading, Usage

MAX_OBJECT_BYTES = 8 * 1024 * 1024
# The longest answer of a model, with its reasoning and its logarithms of probabilities.
MAX_LINE_BYTES = 32 * 1024 * 1024

_ID = re.compile(SEGMENT + r"\Z")

# What a line of results says: a usage, None where it is billed nothing, or ... for neither.
Line = Callable[[dict[str, Any]], Any]


def plain_id(document: dict[str, Any], key: str = "id") -> str:
    """A provider's id as it can stand in a path and in the books; "" for anything else."""
    value = document.get(key)
    return value if isinstance(value, str) and _ID.match(value) else ""


def listed(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of an answer: those of its list, or itself."""
    found = document.get("data")
    several = found if isinstance(found, list) else [document]
    return [each for each in several if isinstance(each, dict)]


class ObjectMeter:
    """Reads a whole JSON answer.

    read:   what the document tells.
    edited: the client's bytes made of the provider's and the document; then nothing passes before
            the end. None where every byte passes as it is.
    """

    def __init__(
        self,
        read: Callable[[dict[str, Any]], list[News]],
        edited: Callable[[bytes, dict[str, Any]], bytes] | None = None,
    ) -> None:
        self._read = read
        self._edited = edited
        self._capture = Capture(MAX_OBJECT_BYTES)
        self._held: list[bytes] = []
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """Keeps a copy, passes the bytes or holds them back."""
        self._capture.add(data)
        if self._edited is None:
            return data
        self._held.append(data)
        return self._let_go() if self._capture.overflowed else b""

    def finish(self) -> bytes:
        """What was held back, edited."""
        self._ended = True
        held, document = self._let_go(), self._document()
        if self._edited is None or document is None:
            return held
        return self._edited(held, document)

    def reading(self) -> Reading:
        """Nothing is billed by what is read here."""
        return Reading(None, 0, self._document() is not None)

    def news(self) -> tuple[News, ...]:
        """What the document tells, once it has ended."""
        document = self._document() if self._ended else None
        return () if document is None else tuple(self._read(document))

    def _let_go(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held

    def _document(self) -> dict[str, Any] | None:
        return json_object(self._capture.kept() or b"") if self._capture.ends_with(b"}") else None


class ResultsMeter(Tee[Piece]):
    """Reads the results of a batch as they pass. A call has one result, under its own name.

    line:  what one of them says.
    least, most: how many there must be for them to be all.
    """

    def __init__(self, line: Line, least: int, most: int) -> None:
        super().__init__(LineSplitter(MAX_LINE_BYTES))
        self._line = line
        self._least, self._most = least, most
        self._usages: list[Usage] = []
        self._lines = 0
        self._answered: set[int] = set()
        self._unread = False
        self._ended = False

    def finish(self) -> bytes:
        """As any; from then on it has ended."""
        super().finish()
        self._ended = True
        return b""

    def reading(self) -> Reading:
        """What is read here was billed to another call."""
        return Reading(None, 0, self._ended)

    def taken(self) -> list[Usage]:
        """The usages that came since this was last asked."""
        taken, self._usages = self._usages, []
        return taken

    def whole(self) -> bool:
        """True once all has come, all of it readable, as much as there must be."""
        return self._ended and not self._unread and self._least <= self._lines <= self._most

    def _take(self, piece: Piece) -> None:
        if piece.oversized:
            self._unread = True
        elif piece.data is not None:
            self._lines += 1
            document = json_object(piece.data)
            said = ... if document is None or self._again(document) else self._line(document)
            if isinstance(said, Usage):
                self._usages.append(said)
            elif said is not None:
                self._unread = True

    def _again(self, document: dict[str, Any]) -> bool:
        """Whether a call is answered a second time: it would be billed twice."""
        name = document.get("custom_id")
        before = len(self._answered)
        if isinstance(name, str):
            self._answered.add(hash(name))
            return len(self._answered) == before
        return False
