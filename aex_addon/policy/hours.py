"""Windows of time that come again: is one open at an instant?

Owns: days and times of a named zone. Pure: the instant is an argument.
Refuses to know: what is done in a window.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from aex_addon.settings_rules import DAYS, Hours


class Window:
    """One, read from the settings."""

    def __init__(self, hours: Hours) -> None:
        self._days = frozenset(DAYS.index(day) for day in hours.days)
        self._from, self._to = _minute(hours.from_), _minute(hours.to)
        self._zone = ZoneInfo(hours.zone)

    def holds(self, at: datetime) -> bool:
        """Whether it is open; `at` knows its zone. A window over midnight is of its first day."""
        local = at.astimezone(self._zone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self._from < self._to:
            return day in self._days and self._from <= minute < self._to
        began_today = day in self._days and minute >= self._from
        return began_today or ((day - 1) % 7 in self._days and minute < self._to)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
