"""Places for tools: so many run at once, and no agent holds them all.

Owns: who holds how many. Refuses to know: what is done with a place, who an agent is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """One of a gateway."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @contextmanager
    def taken(self, agent: str, most: int) -> Iterator[bool]:
        """A place of the agent's for the length of the block; False where there is none for it.

        most: how many there are now. Where there are several, one agent leaves the last to others.
        """
        if self._held.total() >= most or self._held[agent] >= max(most - 1, 1):
            yield False
            return
        self._held[agent] += 1
        try:
            yield True
        finally:
            self._held[agent] -= 1
            # No name stays of whoever holds none.
            self._held += Counter()
