"""How long somebody who keeps failing is not tried again.

Owns: failures in a row, by key. The first is forgiven; from the second on the pause doubles.
Refuses to know: what fails. Times (seconds) are arguments.
"""

from __future__ import annotations


class Backoff:
    """Of as many keys as keep failing."""

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def failed(self, key: str, now: float) -> float:
        """Once more; for how long it is not to be tried."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        if failures == 1:
            return 0.0
        pause = min(self._first_s * 2.0 ** min(failures - 2, 30), self._last_s)
        self._until[key] = now + pause
        return pause

    def succeeded(self, key: str) -> None:
        """All is forgotten."""
        if self._failures:
            self._failures.pop(key, None)
            self._until.pop(key, None)

    def left(self, key: str, now: float) -> float:
        """What is left of its pause; 0 where it may be tried."""
        return max(self._until.get(key, now) - now, 0.0)
