"""An agent that was billed above a reserve makes no further call before somebody tops it up.

(How budgets fit on every level: test_admission.py, test_admission_tree.py.)
"""

from __future__ import annotations

import pytest

from ledger.admin_commands import CreditAgent, DeleteAgent, SetLimits
from ledger.commands import Recover
from ledger.outcomes import Admitted, Denied, Done, Outcome
from tests.ledger.making import SECOND, Pure, admit, commit, create, issue, run, team, token_hash


def overran(bill: int = 101) -> Pure:
    """An agent with much budget left, whose only call was billed at so much; 100 were reserved."""
    kernel = Pure()
    kernel(team(budget=100_000))
    kernel(create("alice", 50_000, parent="team"))
    kernel(create("bob", 50_000, parent="team"))
    kernel(run("alice", "r1", 1_000))
    kernel(admit("e1", "alice/r1"))
    kernel(commit("e1", bill))
    return kernel


def verdict(outcome: Outcome) -> str:
    """The code of a denial, "" where the call may go."""
    assert isinstance(outcome, Admitted | Denied)
    return outcome.code if isinstance(outcome, Denied) else ""


def test_the_agent_stops_with_budget_left() -> None:
    """By whichever of its tokens and runs it asks; the denial names the call and the account."""
    kernel = overran()
    for key, payer in (("e2", "alice"), ("e3", "alice/r1")):
        denial = kernel(admit(key, payer))
        assert isinstance(denial, Denied)
        assert (denial.status, denial.code, denial.message) == (402, "overrun", "e1")
        assert denial.account == "alice"
    kernel(issue("alice", 2))
    assert verdict(kernel(admit("e4", token_hash=token_hash("alice", 2)))) == "overrun"


@pytest.mark.parametrize("bill", [0, 99, 100])
def test_a_bill_within_the_reserve_stops_nobody(bill: int) -> None:
    """The control: up to the reserve itself all goes on."""
    assert verdict(overran(bill)(admit("e2"))) == ""


def test_others_go_on() -> None:
    """Its neighbours, its team's budget and what it asks for nothing are not touched."""
    kernel = overran()
    assert verdict(kernel(admit("e2", "bob"))) == ""
    assert verdict(kernel(admit("e3", metered=False, fixed=0))) == ""


def test_a_top_up_ends_it() -> None:
    """Nothing else does: no new window, no new limits, no credit of another account."""
    kernel = overran()
    kernel(SetLimits("alice", "operator", rpm=9, budget_window="day"))
    kernel(CreditAgent("alice/r1", 1, "more", "operator"))
    kernel(CreditAgent("team", 1, "more", "operator"))
    kernel.now += 3 * 86_400 * SECOND
    assert verdict(kernel(admit("e2"))) == "overrun"
    kernel(CreditAgent("alice", 1, "seen", "operator"))
    assert verdict(kernel(admit("e3"))) == ""
    assert verdict(kernel(admit("e4", "alice/r1"))) == ""


def test_a_late_bill_stops_too() -> None:
    """What recovery guessed is replaced by a bill above the reserve."""
    kernel = overran(100)
    kernel(admit("e2"))
    kernel(Recover("e2", "charge"))
    assert verdict(kernel(admit("e3"))) == ""
    kernel(commit("e2", 101))
    assert verdict(kernel(admit("e4"))) == "overrun"


def test_a_deleted_agent_s_bill_stops_no_other() -> None:
    """An agent that is made anew under the name is not stopped by a call from before."""
    kernel = overran(100)
    kernel(admit("e2"))
    kernel(Recover("e2", "charge"))
    kernel(DeleteAgent("alice", "operator"))
    again = create("alice", 50_000, parent="team", token_hash=token_hash("alice", 2))
    assert isinstance(kernel(again), Done)
    kernel(commit("e2", 101))
    assert verdict(kernel(admit("e3", token_hash=token_hash("alice", 2)))) == ""
