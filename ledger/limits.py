"""Limits that change while calls are under way: a call gives back the cells that it took.

Owns: what becomes of a level's rates when its limits change, and what a settlement gives back.
Refuses to know: how cells are counted in time (rates.py), which calls there are.

What is taken of a limit is counted in calls or tokens. A changed limit restates it at the new
rate, in the event of the change, so that the rate of now is the one at which all of it stands.
A limit that is set where there was none counts from then on: calls from before took nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger import rates
from ledger.admission import lineage
from ledger.state import Execution, State

# Kept among an account's rates: since when its tokens are counted. Without it, they always were.
_COUNTED_FROM = "tpm_from"


def changed(
    state: State, name: str, before: tuple[int, int], after: tuple[int, int], now: int
) -> dict[str, str]:
    """The rates that stand for what is taken, by `account/kind`; limits are (rpm, tpm)."""
    moved: dict[str, str] = {}
    for kind, old, new in zip(("rpm", "tpm"), before, after, strict=True):
        if not new or new == old:
            continue
        tat = state.rates.get((name, kind), 0)
        moved[f"{name}/{kind}"] = str(rates.restate(tat, now, old, new))
        if kind == "tpm" and not old:
            moved[f"{name}/{_COUNTED_FROM}"] = str(now)
    return moved


def given_back(
    state: State, execution: Execution, usage: Mapping[str, int] | None
) -> dict[str, str]:
    """Token rates without the cells that were taken and not used; all stay used if unknown."""
    if not execution.tpm_cells or usage is None:
        return {}
    used = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    if used >= execution.tpm_cells:
        return {}
    given: dict[str, str] = {}
    for level in lineage(state, execution.account):
        tat = state.rates.get((level.name, "tpm"))
        if not level.tpm or tat is None:
            continue
        if execution.created_at >= state.rates.get((level.name, _COUNTED_FROM), 0):
            left = rates.give_back(tat, level.tpm, execution.tpm_cells, used)
            given[f"{level.name}/tpm"] = str(left)
    return given
