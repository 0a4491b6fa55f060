"""ledger/rolling.py: an account that comes into another window begins anew, once, and says so."""

from __future__ import annotations

from ledger import events
from ledger.admin_commands import SetLimits
from ledger.rolling import roll
from ledger.state import Agent
from tests.ledger.making import START, Pure, admit, commit, create

DAY = 86_400 * 10**9


def alice() -> Agent:
    kernel = Pure()
    kernel(create(budget=1_000, budget_window="day"))
    kernel(admit("e1", fixed=300))
    kernel(commit("e1", 200))
    return kernel.state.agents["alice"]


def test_the_same_day_changes_nothing() -> None:
    """Neither the account nor the log."""
    assert roll([alice()], START) == ([], [alice()])


def test_another_day_begins_anew() -> None:
    """Nothing is spent of it, and an event says when it began; asked again, there is no other."""
    (draft,), (agent,) = roll([alice()], START + DAY)
    start = (START + DAY) // DAY * DAY
    assert (agent.spent_nanousd, agent.window_start, agent.budget_nanousd) == (0, start, 1_000)
    assert (draft.type, draft.agent) == (events.WINDOW_STARTED, "alice")
    assert draft.payload == {"window": "day", "window_start": str(start)}
    assert roll([agent], START + DAY) == ([], [agent])


def test_a_budget_for_all_time_never_does() -> None:
    """It has no window that could begin."""
    kernel = Pure()
    kernel(create(budget=1_000))
    kernel(SetLimits("alice", "operator", budget_window="total"))
    total = kernel.state.agents["alice"]
    assert roll([total], START + 400 * DAY) == ([], [total])
