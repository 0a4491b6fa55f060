"""Laws of what follows an end: late bills land once, adjustments append, shut out is shut out."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.admin_commands import Fence, NoteGateway, NoteRestore
from ledger.commands import Adjust, Recover
from ledger.evolve import fold
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Done, Rejected, Settled
from tests.ledger.making import Pure, admit, commit, create, release, rows, started, team, word


def under_way(*commands: Any) -> Pure:
    """Alice, below a team, with a call of 100 under way, and what happened to it."""
    kernel = Pure()
    for command in (team(), create(parent="team"), admit("e1"), *commands):
        kernel(command)
    return kernel


def entries(kernel: Pure) -> list[tuple[str, int]]:
    """The reserve book, without its places."""
    return [(entry.entry, entry.amount_nanousd) for entry in kernel.state.reservations]


@pytest.mark.parametrize("policy", ["charge", "release"])
@pytest.mark.parametrize("bill", [0, 40, 100, 700])
def test_a_late_bill_lands_once(policy: str, bill: int) -> None:
    """The bill after a recovery takes the place of the guess on all levels; a second does not."""
    kernel = under_way(Recover("e1", policy))
    state = "COMMITTED" if policy == "charge" else "RELEASED"
    late = kernel(commit("e1", bill, usage={"input_tokens": 9}))
    assert late == Settled("e1", state, bill, fresh=True)
    row = kernel.state.executions["e1"]
    assert (row.state, row.actual_nanousd, row.certainty) == (state, bill, "adjusted")
    assert (row.usage, row.usage_source) == ('{"input_tokens":9}', "response")
    log = list(kernel.log)
    assert kernel(commit("e1", bill + 1)) == Settled("e1", state, bill, fresh=False)
    assert kernel.log == log
    assert {kernel.balance(name)[1:] for name in ("alice", "team")} == {(bill, 0)}
    assert entries(kernel)[2:] == [("adjust", bill)]
    assert rows(fold(kernel.log)) == rows(kernel.state)


@pytest.mark.parametrize(
    ("second", "booked"),
    [
        (commit("e1", None), 100),
        (commit("e1", 40, certainty="estimated"), 100),
        (commit("e1", 140, certainty="estimated"), 140),
        (Recover("e1", "release"), 100),
        (release("e1"), 100),
    ],
)
def test_a_guess_is_not_replaced_by_a_lower_guess(second: Any, booked: int) -> None:
    """After recovery only a true bill, or a higher estimate, is another amount."""
    kernel = under_way(Recover("e1", "charge"))
    kernel(second)
    assert kernel.balance() == (1_000, booked, 0)


@pytest.mark.parametrize("end", [commit("e1", 60), release("e1")])
def test_a_true_end_is_not_adjusted_by_a_bill(end: Any) -> None:
    """A bill after an end that nobody guessed changes nothing."""
    kernel = under_way(end)
    log = list(kernel.log)
    settled = kernel(commit("e1", 70))
    assert isinstance(settled, Settled)
    assert not settled.fresh
    assert kernel.log == log


@pytest.mark.parametrize("end", [commit("e1", 60), release("e1"), Recover("e1", "charge")])
def test_adjustments_append(end: Any) -> None:
    """An adjustment books its amount and keeps the ones before, the reason and the actor."""
    kernel = under_way(end)
    before, log = entries(kernel), list(kernel.log)
    first = kernel.state.executions["e1"]
    for amount in (500, 0, 7):
        outcome = kernel(Adjust("e1", amount, "the invoice", "carol"))
        assert outcome == Settled("e1", first.state, amount, fresh=True)
        assert kernel.balance() == (1_000, amount, 0)
    assert kernel.log[: len(log)] == log
    assert entries(kernel) == [*before, ("adjust", 500), ("adjust", 0), ("adjust", 7)]
    assert kernel.log[-2].data() == {
        "actor": "carol",
        "actual_nanousd": 0,
        "reason": "the invoice",
        "replaced_nanousd": 500,
    }


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Adjust("e9", 1, "why", "carol"), "there is no execution"),
        (Adjust("e2", 1, "why", "carol"), "still under way"),
        (Adjust("e3", 1, "why", "carol"), "never sent"),
        (Adjust("e1", -1, "why", "carol"), "0 or more"),
        (Adjust("e1", MAX_NANOUSD + 1, "why", "carol"), "0 or more"),
        (Adjust("e1", 1, "", "carol"), "names its reason"),
    ],
)
def test_what_cannot_be_adjusted(command: Adjust, why: str) -> None:
    """Only what has ended is adjusted, to an amount that can be held, with a reason."""
    kernel = under_way(commit("e1", 60), admit("e2"), admit("e3", fixed=9_999))
    log = list(kernel.log)
    outcome = kernel(command)
    assert isinstance(outcome, Rejected)
    assert why in outcome.message
    assert kernel.log == log


def test_a_gateway_that_was_shut_out() -> None:
    """It admits nothing any more, its late bill lands, and others go on."""
    kernel = under_way()
    assert kernel(Fence("gw-1", "no sign of life")) == Done("gw-1")
    kernel(Recover("e1", "charge"))
    log = list(kernel.log)
    assert word(kernel(admit("e2"))) == "rejected"
    assert kernel(Fence("gw-1", "again")) == Done("gw-1")
    assert kernel.log == log
    assert kernel(commit("e1", 30)) == Settled("e1", "COMMITTED", 30, fresh=True)
    assert word(kernel(admit("e3", gateway="gw-2"))) == "holds 100 cap 0"
    kernel(NoteGateway("gw-1", "started"))
    assert word(kernel(admit("e4"))) == "rejected"


def test_who_was_shut_out_judges_nobody() -> None:
    """The fence of a gateway that is itself shut out is refused."""
    kernel = under_way()
    assert kernel(Fence("gw-1", "no sign of life", by="gw-2")) == Done("gw-1")
    log = list(kernel.log)
    assert word(kernel(Fence("gw-2", "no sign of life", by="gw-1"))) == "rejected"
    assert word(kernel(Fence("gw-2", "no sign of life", by="gw-2"))) == "Done"
    assert kernel.log[: len(log)] == log
    assert kernel.log[len(log)].data() == {
        "by": "gw-2",
        "gateway": "gw-2",
        "reason": "no sign of life",
    }


def test_a_restore_begins_an_epoch() -> None:
    """The one after the latest that is known; the record says what it replaced, and why."""
    kernel = started()
    for known, epoch in ((0, 1), (1, 2), (7, 8)):
        kernel(NoteRestore("carol", "a new disk", 40, "ab" * 32, "c0ffee", 50, known))
        assert kernel.state.epoch == fold(kernel.log).epoch == epoch
        assert kernel.log[-1].data() == {
            "actor": "carol",
            "epoch": epoch,
            "reason": "a new disk",
            "replaced_hash": "ab" * 32,
            "replaced_seq": 40,
            "restore_id": "c0ffee",
            "signed_seq": 50,
        }
    log = list(kernel.log)
    assert isinstance(kernel(NoteRestore("carol", "", 1, "")), Rejected)
    assert kernel.log == log
