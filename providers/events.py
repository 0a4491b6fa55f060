"""Counts a streamed answer, event by event, for formats that withhold nothing from the client.

Owns: the loop over events, whichever way they are framed. Refuses to know: any API; what an event
tells is said by the function that is given. It never raises: what it cannot read it passes on, and
counts at one token a byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.jsonanswer import json_object
from providers.sse import Piece
from providers.tee import Splits, Tee
from providers.wire import Reading, Usage


@dataclass(frozen=True, slots=True)
class Told:
    """What one event tells.

    output_tokens_max: bound on the tokens that it delivers.
    ends:              it is the answer's own end mark; `usage` is then what was used, None where
                       that cannot be read. The last such event counts.
    """

    output_tokens_max: int = 0
    ends: bool = False
    usage: Usage | None = None


class EventMeter(Tee[Piece]):
    """The meter: every byte passes at once."""

    def __init__(self, splitter: Splits[Piece], tell: Callable[[dict[str, Any]], Told]) -> None:
        super().__init__(splitter)
        self._tell = tell
        self._output_max = 0
        self._usage: Usage | None = None
        self._complete = False

    def reading(self) -> Reading:
        """The last usage told, and a bound on the output delivered so far."""
        return Reading(self._usage, self._output_max, self._complete)

    def _take(self, piece: Piece) -> None:
        if piece.oversized:
            self._output_max += len(piece.raw)
            return
        if piece.data is None or piece.data.strip() == b"[DONE]":
            return
        event = json_object(piece.data)
        if event is None:
            self._output_max += len(piece.data)
            return
        told = self._tell(event)
        self._output_max += told.output_tokens_max
        if told.ends:
            self._complete, self._usage = True, told.usage
