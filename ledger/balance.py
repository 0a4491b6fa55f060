"""An account's balance at a moment.

Owns: which budget window its counters are of. Refuses to know: clocks, how a balance is shown.
"""

from __future__ import annotations

from ledger.state import Agent
from ledger.windows import start_of


def current(agent: Agent, now_ns: int) -> Agent:
    """The account in the budget window of this moment.

    The ledger begins a window with the first call in it; until then its row is of an earlier one.
    """
    start = start_of(agent.budget_window, now_ns)
    if start <= agent.window_start:
        return agent
    before = agent.spent_before_nanousd + agent.spent_nanousd
    return agent._replace(window_start=start, spent_nanousd=0, spent_before_nanousd=before)
