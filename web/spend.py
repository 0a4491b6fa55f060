"""What was spent, hour by hour, by agent and model, summed along the log.

Owns: the sums of the last 31 days, how fast an agent spends now, and how long its budget lasts
at that.
Refuses to know: how it is drawn (charts.py).

A call counts in the hour in which it was admitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.activity import ActivityReader
from web.along import Along

HOUR = 3600 * 1_000_000_000
KEPT_HOURS = 31 * 24

# Hour (its start) -> (agent, model) -> nano-dollars.
Hours = Mapping[int, Mapping[tuple[str, str], int]]


class Spend(Along[Hours]):
    """The sums."""

    def nothing(self) -> Hours:
        """Nobody has spent anything."""
        return {}

    def added(self, sums: Hours, reader: ActivityReader, after: int, upto: int) -> Hours:
        """Adds a stretch; hours that nothing was added to are shared with the sums of before."""
        found = reader.spent(after, upto)
        if not found:
            return sums
        hours = dict(sums)
        for one in found:
            cells = dict(hours.get(one.hour, {}))
            key = (one.agent, one.model)
            cells[key] = cells.get(key, 0) + one.nanousd
            hours[one.hour] = cells
        oldest = max(hours) - KEPT_HOURS * HOUR
        return {hour: cells for hour, cells in hours.items() if hour > oldest}


def rate(hours: Hours, agent: str, now: int, since: int) -> int:
    """Nano-dollars an hour of an agent that there is since `since`: over this hour and the last."""
    start = now - now % HOUR
    spent = sum(
        amount
        for hour in (start - HOUR, start)
        for (name, _), amount in hours.get(hour, {}).items()
        if name == agent
    )
    # At least a minute: one call is no rate yet.
    elapsed = max(min(now - (start - HOUR), now - since), HOUR // 60)
    return spent * HOUR // elapsed


def lasts(remaining_nanousd: int, per_hour: int) -> int | None:
    """Nanoseconds until nothing remains; None where nothing is being spent."""
    if per_hour <= 0:
        return None
    return max(remaining_nanousd, 0) * HOUR // per_hour


def series(
    hours: Hours, by: str, now: int, bars: int, width: int
) -> tuple[list[int], dict[str, list[int]]]:
    """(starts of the bars, name -> amount of each) of the last `bars` times `width` hours.

    by: `agent` or `model`. The names are ordered by what they have spent, most first; whoever made
    free calls alone is not among them.
    """
    step = width * HOUR
    last = now - now % step
    starts = [last - (bars - 1 - number) * step for number in range(bars)]
    sums: dict[str, list[int]] = {}
    for hour, key, amount in _cells(hours, starts[0]):
        place = (hour - starts[0]) // step
        if place < bars:
            name = (key[0] if by == "agent" else key[1]) or "–"
            sums.setdefault(name, [0] * bars)[place] += amount
    spent = [(name, amounts) for name, amounts in sums.items() if any(amounts)]
    return starts, dict(sorted(spent, key=lambda item: (-sum(item[1]), item[0])))


def _cells(hours: Hours, since: int) -> Iterator[tuple[int, tuple[str, str], int]]:
    for hour, cells in hours.items():
        if hour >= since:
            for key, amount in cells.items():
                yield hour, key, amount
