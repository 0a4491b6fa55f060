"""Durations and times as people and programs write them.

Owns: how such words are read, and the sentence that says what was expected.
Refuses to know: which command or page takes them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = 3650
_TIME = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)"
    r"(?:(?<=:\d\d:\d\d)\.(?P<fraction>\d{1,9}))?(?P<offset>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def duration_ns(text: str) -> int:
    """Nanoseconds of `30d`, `12h`, `1h30m`. Raises ValueError with a sentence."""
    cleaned = text.strip().lower()
    if not re.fullmatch(r"(?:[0-9]{1,9}[smhdw])+", cleaned):
        raise ValueError(f"{text!r} is not a duration; write 90m, 12h, 30d or 1h30m")
    parts = re.findall(r"([0-9]+)([smhdw])", cleaned)
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST_DAYS * 86_400:
        raise ValueError(f"{text!r} is out of range; a duration is 1s to {_LONGEST_DAYS}d")
    return seconds * 1_000_000_000


def moment_ns(text: str, now_ns: int) -> int:
    """Nanoseconds since the epoch of `2026-07-01`, `2026-07-01T12:00Z`, or of `7d` before now.

    A time without an offset is UTC. Raises ValueError with a sentence.
    """
    cleaned = text.strip()
    if re.fullmatch(r"(?:[0-9]+[smhdwSMHDW])+", cleaned):
        return max(now_ns - duration_ns(cleaned), 0)
    found = _TIME.fullmatch(cleaned)
    try:
        if found is None:
            raise ValueError
        moment = datetime.fromisoformat(found["time"] + (found["offset"] or ""))
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time; write 2026-07-01, 2026-07-01T12:00Z, or 7d for 7 days ago"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not 1970 <= moment.year < 2262:
        raise ValueError(f"{text!r} is out of range; a time is from 1970 to 2261")
    past = moment - datetime(1970, 1, 1, tzinfo=UTC)
    fraction = int((found["fraction"] or "").ljust(9, "0"))
    return (past.days * 86_400 + past.seconds) * 1_000_000_000 + fraction
