"""Requests of which a part has come in, of all clients together.

Owns: how much of their bodies is held, and who must wait where that is too much: all but whoever
began first, who ends, or reaches the limit on bodies; and that nobody is waited for who sends
nothing meanwhile.
Refuses to know: how a client is kept waiting, or ended (pressure.py).
"""

from __future__ import annotations

from collections.abc import Hashable

UNFINISHED_MAX = 512 * 1024 * 1024
SILENT_S = 30.0


class Unfinished[Who: Hashable]:
    """One of a gateway. Clients are known from their first large piece on."""

    def __init__(self) -> None:
        self._sizes: dict[Who, int] = {}
        self._heard: dict[Who, float] = {}
        self._total = 0

    def __contains__(self, who: Who) -> bool:
        return who in self._sizes

    def note(self, who: Who, size: int, now: float) -> None:
        """So many bytes are held of this client, who sends them or waits; 0: none are.

        now: seconds of a steady clock.
        """
        self._total += size - self._sizes.get(who, 0)
        if size:
            self._sizes[who], self._heard[who] = size, now
        else:
            self._sizes.pop(who, None)
            self._heard.pop(who, None)

    def must_wait(self, who: Who) -> bool:
        """Whether nothing more is to be read of this client for now."""
        return self._total > UNFINISHED_MAX and who in self._sizes and who is not self._first()

    def silent(self, now: float) -> list[Who]:
        """Those who could send on, and have not for long."""
        return [who for who, at in self._heard.items() if now - at > SILENT_S]

    def _first(self) -> Who:
        return next(iter(self._sizes))
