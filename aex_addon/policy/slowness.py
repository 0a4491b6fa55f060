"""Who kept somebody waiting of late.

Owns: remembering them for a while. Refuses to know: what is slow, and what becomes of whoever is.
Times (seconds) are arguments.
"""

from __future__ import annotations

_KNOWN_MAX = 10_000


class Slowness:
    """Of as many as were slow within `kept_s`."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._until: dict[str, float] = {}

    def note(self, who: str, now: float) -> None:
        """It was slow just now."""
        if len(self._until) >= _KNOWN_MAX:
            self._until = {each: until for each, until in self._until.items() if until > now}
        self._until[who] = now + self._kept_s

    def of(self, who: str, now: float) -> bool:
        """Whether it was slow of late."""
        return self._until.get(who, now) > now
