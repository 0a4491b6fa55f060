"""Attempts to go around AEX, each told once.

Owns: what is known of an attempt, and that a program which tries again and again is one line.
Refuses to know: how attempts are noticed (watch.py, jail.py), where they are told (cli/run.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """A direct connection; `host` is its address where no name is known. blocked: by a jail."""

    host: str
    address: str
    port: int
    program: str
    blocked: bool


@dataclass
class Attempts:
    """`tell` is called once for each host and program, from whichever thread noticed it."""

    tell: Callable[[Attempt], None]
    _told: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, attempt: Attempt) -> None:
        """Notes an attempt; beyond 64 different ones nothing is new any more."""
        key = (attempt.host, attempt.program, attempt.port)
        with self._lock:
            if key in self._told or len(self._told) >= _MOST:
                return
            self._told[key] = attempt
        self.tell(attempt)

    def sentence(self) -> str:
        """For people: who went, or tried to go, where; "" where nobody did."""
        with self._lock:
            found = list(self._told.values())
        parts = []
        for blocked, words in ((False, "went around AEX"), (True, "kept from going around AEX")):
            told = [f"{one.program or 'a process'} to {one.host}" for one in found]
            told = [text for text, one in zip(told, found, strict=True) if one.blocked is blocked]
            if told:
                parts.append(f"{words}: {', '.join(dict.fromkeys(told))}")
        return "; ".join(parts)
