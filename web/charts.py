"""Charts as numbers that a template draws: stacked bars over time, with a scale and a legend.

Owns: where each bar stands and how high it is, in units of the drawing.
Refuses to know: SVG, colours, where the amounts come from (spend.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from web.view import short_usd

WIDTH, HEIGHT = 640.0, 150.0
NAMES_MAX = 5
_OTHERS = "all others"
_GAP = 0.22


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a stack; `series` is its place in the legend, `text` what it says."""

    x: float
    y: float
    width: float
    height: float
    series: int
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale, or a word below the bars."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`legend` holds (name, sum) in the order of the series; `empty` if nothing was spent."""

    title: str
    bars: list[Bar]
    scale: list[Tick]
    times: list[Tick]
    legend: list[tuple[str, str]]
    total: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.bars


def chart(title: str, starts: Sequence[int], sums: Mapping[str, Sequence[int]], form: str) -> Chart:
    """Stacked bars. `form` is how times are written below them, as strftime has it."""
    named = _fewer(sums)
    heights = [sum(column) for column in zip(*named.values(), strict=True)] or [0]
    top = _round_up(max(heights))
    step = WIDTH / max(len(starts), 1)
    bars: list[Bar] = []
    for place, start in enumerate(starts):
        base = 0
        for series, (name, amounts) in enumerate(named.items()):
            amount = max(amounts[place], 0)
            if not amount:
                continue
            height, foot = HEIGHT * amount / top, HEIGHT * base / top
            bars.append(
                Bar(
                    round(place * step + step * _GAP / 2, 2),
                    round(HEIGHT - foot - height, 2),
                    round(step * (1 - _GAP), 2),
                    round(max(height, 0.5), 2),
                    series,
                    f"{_time(start, form)} · {name} · {short_usd(amount)}",
                )
            )
            base += amount
    every = max(len(starts) // 6, 1)
    times = [
        Tick(round((place + 0.5) * step, 2), _time(start, form))
        for place, start in enumerate(starts)
        if (len(starts) - 1 - place) % every == 0
    ]
    legend = [(name, short_usd(sum(amounts))) for name, amounts in named.items()]
    scale = [
        Tick(round(HEIGHT - HEIGHT * part / 2, 2), short_usd(top * part // 2)) for part in (1, 2)
    ]
    total = short_usd(sum(map(sum, named.values())))
    return Chart(title, bars, scale, times, legend, total)


def _fewer(sums: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """The dearest names, and the rest as one."""
    names = list(sums)
    if len(names) <= NAMES_MAX:
        return dict(sums)
    kept: dict[str, Sequence[int]] = {name: sums[name] for name in names[: NAMES_MAX - 1]}
    rest = zip(*(sums[name] for name in names[NAMES_MAX - 1 :]), strict=True)
    return kept | {_OTHERS: [sum(column) for column in rest]}


def _round_up(amount: int) -> int:
    """The next amount that people read off a scale with ease, halves included."""
    unit = 1
    while True:
        for step in (2, 3, 4, 5, 6, 8, 10, 12, 16):
            if amount <= step * unit:
                return step * unit
        unit *= 10


def _time(start: int, form: str) -> str:
    return datetime.fromtimestamp(start // 1_000_000_000, UTC).strftime(form)
