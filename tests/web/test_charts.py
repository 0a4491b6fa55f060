"""Charts: every amount is a height, the stacks fit, and few names stand for many."""

from __future__ import annotations

import pytest

from web.charts import HEIGHT, NAMES_MAX, WIDTH, _round_up, chart

STARTS = [number * 3600 * 10**9 for number in range(24)]


def test_stacks() -> None:
    """Bars of one time stand on each other; heights are as the amounts; all fit the drawing."""
    sums = {"a": [10**9] * 24, "b": [0] * 23 + [10**9]}
    found = chart("t", STARTS, sums, "%H:%M")
    last = [bar for bar in found.bars if bar.x == found.bars[-1].x]
    assert [bar.series for bar in last] == [0, 1]
    assert last[0].height == last[1].height == HEIGHT / 2
    assert last[0].y == pytest.approx(last[1].y + last[1].height)
    assert all(bar.y >= 0 and bar.y + bar.height <= HEIGHT + 0.01 for bar in found.bars)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in found.bars)
    assert found.legend == [("a", "$24.00"), ("b", "$1.00")]
    assert found.total == "$25.00"
    assert "23:00 · b · $1.00" in last[1].text
    assert not found.empty


def test_nothing() -> None:
    """No bars, and no fault."""
    for sums in ({}, {"a": [0] * 24}, {"a": [-5] * 24}):
        assert chart("t", STARTS, sums, "%H").empty


def test_many_names() -> None:
    """The dearest have a colour each, the rest share one."""
    sums = {f"n{number}": [number] * 24 for number in range(9, 0, -1)}
    found = chart("t", STARTS, sums, "%H")
    names = [name for name, _ in found.legend]
    assert names == ["n9", "n8", "n7", "n6", "all others"]
    assert len(names) == NAMES_MAX
    assert found.total == "$0.00000108"


@pytest.mark.parametrize(
    ("amount", "top"), [(0, 2), (7, 8), (21, 30), (999, 1000), (10**15, 10**15)]
)
def test_scales(amount: int, top: int) -> None:
    """A scale ends where people can read it, above every bar."""
    assert _round_up(amount) == top >= amount
