"""ledger/withdrawal.py: what is left can be taken back, what is spent or held cannot."""

from __future__ import annotations

import pytest

from ledger import events
from ledger.admin_commands import DeleteAgent, Withdraw
from ledger.outcomes import Done, Outcome, Rejected
from tests.ledger.making import START, Pure, admit, commit, create, run, team, word

DAY = 86_400 * 10**9


def take(amount: int, name: str = "alice") -> Withdraw:
    return Withdraw(name, amount, "mistyped", "operator")


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected)
    return outcome.message


def used(budget: int = 1_000) -> Pure:
    """200 spent, and 300 held."""
    kernel = Pure()
    kernel(create(budget=budget))
    kernel(admit("e1", fixed=300))
    kernel(commit("e1", 200))
    kernel(admit("e2", fixed=300))
    return kernel


def test_all_that_is_left_can_be_taken() -> None:
    """In parts or at once; the event says who took what, and why."""
    kernel = used()
    assert kernel(take(100)) == Done("alice")
    assert kernel.balance() == (900, 200, 300)
    event = kernel.log[-1]
    assert (event.type, event.agent) == (events.AGENT_WITHDRAWN, "alice")
    assert event.data() == {"actor": "operator", "amount_nanousd": 100, "reason": "mistyped"}
    assert kernel(take(400)) == Done("alice")
    assert kernel.balance() == (500, 200, 300)
    assert word(kernel(admit("e3", fixed=1))) == "402 budget_exceeded"


@pytest.mark.parametrize("amount", [501, 10**15, 2**63])
def test_what_is_spent_or_held_cannot(amount: int) -> None:
    """Not even a part is taken then; what can be is told."""
    kernel = used()
    assert "$0.0000005 of the budget of alice is neither" in refusal(kernel(take(amount)))
    assert kernel.balance() == (1_000, 200, 300)


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_given_by_taking(amount: int) -> None:
    """An amount is above nothing."""
    kernel = used()
    assert "above 0" in refusal(kernel(take(amount)))
    assert kernel.balance() == (1_000, 200, 300)


def test_of_the_current_window() -> None:
    """What was spent yesterday is no matter today, and the new day is in the log before it."""
    kernel = Pure()
    kernel(create(budget=1_000, budget_window="day"))
    kernel(admit("e1", fixed=300))
    kernel(commit("e1", 200))
    assert "neither" in refusal(kernel(take(801)))
    kernel.now = START + DAY
    assert kernel(take(1_000)) == Done("alice")
    assert kernel.balance() == (0, 0, 0)
    assert [event.type for event in kernel.log[-2:]] == [
        events.WINDOW_STARTED,
        events.AGENT_WITHDRAWN,
    ]


def test_of_a_team_and_a_run() -> None:
    """Any account that lives, by its name; what is below it keeps its own budget."""
    kernel = Pure()
    kernel(team("lab", budget=900))
    kernel(create(parent="lab", budget=1_000))
    kernel(run("alice", "r1", 500))
    assert kernel(take(400, "lab")) == Done("lab")
    assert kernel(take(200, "alice/r1")) == Done("alice/r1")
    budgets = {name: agent.budget_nanousd for name, agent in kernel.state.agents.items()}
    assert budgets == {"lab": 500, "alice": 1_000, "alice/r1": 300}
    assert "no agent" in refusal(kernel(take(1, "nobody")))
    kernel(DeleteAgent("alice", "operator"))
    assert "no agent" in refusal(kernel(take(1)))


def test_what_an_overrun_stopped_stays_so() -> None:
    """A top-up is a look at the bill; taking back is none."""
    kernel = Pure()
    kernel(create(budget=500, budget_window="day"))
    kernel(admit("e1", fixed=300))
    kernel(commit("e1", 900))
    assert "$0.00 of the budget" in refusal(kernel(take(1)))
    kernel.now = START + DAY
    assert kernel(take(100)) == Done("alice")
    assert kernel.state.agents["alice"].stopped_by == "e1"
