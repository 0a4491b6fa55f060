"""The accounts as a tree: teams above their members, agents above their runs.

Owns: the order, the depths, and what each account spends an hour (a team what its members do).
Refuses to know: how a row looks (view.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.activity import ActivityReader
from ledger.balance import current
from ledger.state import Agent
from web.spend import Hours, lasts, rate
from web.tally import Ends
from web.view import AccountRow, account_row

RUNS_MAX = 200


@dataclass(frozen=True, slots=True)
class Forest:
    """All accounts that are shown, in the window of `now`."""

    accounts: Mapping[str, Agent]
    now: int

    def walk(self) -> Iterator[tuple[int, Agent]]:
        """(depth, account), each below its parent; one whose parent has ended is a root."""
        below: dict[str | None, list[Agent]] = {}
        for one in self.accounts.values():
            parent = one.parent if one.parent in self.accounts else None
            below.setdefault(parent, []).append(one)

        def down(parent: str | None, depth: int) -> Iterator[tuple[int, Agent]]:
            for one in sorted(below.get(parent, ()), key=_place):
                yield depth, one
                yield from down(one.name, depth + 1)

        yield from down(None, 0)

    def up(self, name: str) -> Iterator[str]:
        """An account and those above it."""
        found = self.accounts.get(name)
        while found is not None:
            yield found.name
            found = self.accounts.get(found.parent) if found.parent else None


def forest(reader: ActivityReader, now: int) -> Forest:
    """The tree as the books have it."""
    found = [*reader.lasting(), *reader.runs(now, RUNS_MAX)]
    return Forest({one.name: current(one, now) for one in found}, now)


def rates(trees: Forest, hours: Hours) -> dict[str, int]:
    """Nano-dollars an hour by account. Of runs it is not known apart from their agent's."""
    found: dict[str, int] = {}
    for one in trees.accounts.values():
        if one.kind != "agent":
            continue
        own = rate(hours, one.name, trees.now, one.created_at)
        for name in trees.up(one.name):
            found[name] = found.get(name, 0) + own
    return found


def rows(
    trees: Forest, hours: Hours, ends: Mapping[str, Ends], only: Sequence[str] | None = None
) -> list[AccountRow]:
    """The tree's rows in order, or those of some accounts."""
    wanted = None if only is None else set(only)
    speeds = rates(trees, hours)
    return [
        account_row(
            one,
            ends.get(one.name, Ends()) if one.kind == "agent" else Ends(),
            depth,
            speeds.get(one.name, 0),
            lasts(one.remaining_nanousd, speeds.get(one.name, 0)),
        )
        for depth, one in trees.walk()
        if wanted is None or one.name in wanted
    ]


def _place(one: Agent) -> tuple[bool, int, str]:
    # Teams first; runs the newest first, all else by name.
    return (one.kind != "team", -one.created_at if one.kind == "run" else 0, one.name)
