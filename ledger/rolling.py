"""Budgets that begin anew: which accounts have come into another window since they were last asked.

Owns: the accounts as they stand then, and the events that say so. Pure.
Refuses to know: the calendar (windows.py), what is asked of the accounts.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger import events, windows
from ledger.events import Draft
from ledger.state import Agent


def roll(found: Sequence[Agent], now: int) -> tuple[list[Draft], list[Agent]]:
    """Accounts as they stand in the current window, and the events that begin new ones."""
    drafts: list[Draft] = []
    levels: list[Agent] = []
    for level in found:
        start = windows.start_of(level.budget_window, now)
        if start > level.window_start:
            payload = {"window": level.budget_window, "window_start": str(start)}
            drafts.append(Draft(events.WINDOW_STARTED, level.name, None, payload))
            levels.append(level._replace(spent_nanousd=0, window_start=start))
        else:
            levels.append(level)
    return drafts, levels
