"""aex_addon/policy/hours.py: windows of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aex_addon.policy.hours import Window
from aex_addon.settings_rules import Hours


def holds(at: str, **hours: Any) -> bool:
    given = Hours.model_validate({key.rstrip("_"): value for key, value in hours.items()})
    return Window(given).holds(datetime.fromisoformat(at).replace(tzinfo=UTC))


OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from_": "09:00", "to": "17:00"}
NIGHT = {"days": ["fri"], "from_": "22:00", "to": "06:00"}


@pytest.mark.parametrize(
    ("at", "hours", "open_"),
    [
        ("2026-11-25T09:00", OFFICE, True),
        ("2026-11-25T08:59:59", OFFICE, False),
        ("2026-11-25T16:59:59", OFFICE, True),
        ("2026-11-25T17:00", OFFICE, False),
        ("2026-11-28T12:00", OFFICE, False),
        ("2026-11-27T23:00", NIGHT, True),
        ("2026-11-28T05:59", NIGHT, True),
        ("2026-11-28T06:00", NIGHT, False),
        ("2026-11-27T05:00", NIGHT, False),
        ("2026-11-28T22:30", NIGHT, False),
        ("2026-11-25T08:30", {**OFFICE, "zone": "Europe/Berlin"}, True),
        ("2026-07-01T07:30", {**OFFICE, "zone": "Europe/Berlin"}, True),
        ("2026-11-25T07:30", {**OFFICE, "zone": "Europe/Berlin"}, False),
        ("2026-11-29T22:30", {"days": ["mon"], "zone": "Europe/Berlin"}, False),
        ("2026-11-29T23:30", {"days": ["mon"], "zone": "Asia/Tokyo"}, True),
        ("2026-11-25T23:59:59", {"from_": "23:00"}, True),
    ],
)
def test_a_window(at: str, hours: dict[str, Any], open_: bool) -> None:
    """A window is open on its days from its first minute to before its last, in its own zone."""
    assert holds(at, **hours) is open_
