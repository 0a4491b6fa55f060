"""What people type."""

from __future__ import annotations

import pytest

from aex_addon.cli.values import duration_ns

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1s", 1), ("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)),
        *((" 1H30m ", 5_400), ("3650d", 315_360_000)),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    """Units and sums of them are taken, in any case."""
    assert duration_ns(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1 d", "1y", "1d!", "١d"])
def test_other_text_is_refused(text: str) -> None:
    """The refusal shows how to write one."""
    with pytest.raises(ValueError, match="90m, 12h, 30d"):
        duration_ns(text)


@pytest.mark.parametrize("text", ["0s", "3651d", "999999999w"])
def test_durations_have_limits(text: str) -> None:
    """Neither nothing nor for ever."""
    with pytest.raises(ValueError, match="out of range"):
        duration_ns(text)
