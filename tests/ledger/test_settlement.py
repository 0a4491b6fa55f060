"""Laws of settlement: one end each, billed in full, released only with a proof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.admin_commands import Command
from ledger.commands import Commit, Recover, Release
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Rejected, Settled
from ledger.state import COMMITTED, DENIED, RELEASED, RESERVED
from tests.ledger.making import Pure, admit, commit, create, release


def started(budget: int = 1_000) -> Pure:
    """Alice with one call of 100 under way."""
    kernel = Pure()
    kernel(create(budget=budget))
    kernel(admit("e1", fixed=100))
    return kernel


def entries(kernel: Pure) -> list[tuple[str, int]]:
    """The reserve book, without its places."""
    return [(entry.entry, entry.amount_nanousd) for entry in kernel.state.reservations]


@pytest.mark.parametrize(
    ("command", "state", "actual", "spent", "last"),
    [
        (commit("e1", 0), COMMITTED, 0, 0, ["execution.committed"]),
        (commit("e1", 40), COMMITTED, 40, 40, ["execution.committed"]),
        (commit("e1", 100), COMMITTED, 100, 100, ["execution.committed"]),
        (commit("e1", None), COMMITTED, 100, 100, ["execution.committed"]),
        (commit("e1", 130), COMMITTED, 130, 130, ["execution.committed", "usage.overrun"]),
        (commit("e1", 5_000), COMMITTED, 5_000, 5_000, ["execution.committed", "usage.overrun"]),
        (release("e1"), RELEASED, 0, 0, ["execution.released"]),
        (Recover("e1", "charge"), COMMITTED, 100, 100, ["execution.committed"]),
        (Recover("e1", "release"), RELEASED, 0, 0, ["execution.released"]),
    ],
)
def test_each_end(command: Command, state: str, actual: int, spent: int, last: list[str]) -> None:
    """Every end frees the whole reserve and books exactly what was billed."""
    kernel = started()
    assert kernel.balance() == (1_000, 0, 100)
    assert kernel(command) == Settled("e1", state, actual, fresh=True)
    assert kernel.balance() == (1_000, spent, 0)
    assert kernel.types()[4:] == last
    row = kernel.state.executions["e1"]
    assert (row.state, row.actual_nanousd, row.terminal_at) == (state, actual, kernel.now)
    end = ("release", 100) if state == RELEASED else ("commit", actual)
    assert entries(kernel) == [("reserve", 100), end]


ENDS: list[Command] = [
    commit("e1", 40),
    commit("e1", 130),
    release("e1"),
    Recover("e1", "charge"),
    Recover("e1", "release"),
]


@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("first", ENDS)
def test_an_execution_settles_once(first: Command, second: Command) -> None:
    """Whatever came first is the end, and only a late bill adjusts what recovery guessed."""
    kernel = started()
    settled = kernel(first)
    if isinstance(first, Recover) and isinstance(second, Commit):
        late = kernel(second)
        assert isinstance(settled, Settled)
        assert second.actual_nanousd is not None
        assert late == replace(settled, actual_nanousd=second.actual_nanousd)
        assert "execution.adjusted" in kernel.types()[-2:]
        assert entries(kernel)[2:] == [("adjust", second.actual_nanousd)]
        settled = late
    log, balance, row = list(kernel.log), kernel.balance(), kernel.state.executions["e1"]
    assert isinstance(settled, Settled)
    assert kernel(second) == replace(settled, fresh=False)
    assert (kernel.log, kernel.balance(), kernel.state.executions["e1"]) == (log, balance, row)


@pytest.mark.parametrize("command", [commit("e2", 1), release("e2"), Recover("e2", "charge")])
def test_what_never_began_cannot_end(command: Command) -> None:
    """An execution that nobody knows is not settled, whatever is asked."""
    kernel = started()
    assert kernel(command) == Rejected("no execution e2")
    assert kernel.balance() == (1_000, 0, 100)


@pytest.mark.parametrize("command", [commit("e2", 1), release("e2"), Recover("e2", "charge")])
def test_a_denied_call_has_its_end(command: Command) -> None:
    """A denied execution cannot be charged or released afterwards."""
    kernel = started()
    kernel(admit("e2", fixed=5_000))
    assert kernel(replace(command)) == Settled("e2", DENIED, 0, fresh=False)
    assert kernel.balance() == (1_000, 0, 100)


@pytest.mark.parametrize("policy", ["charge", "release"])
def test_what_was_never_sent_is_released(policy: str) -> None:
    """Recovery of a call that was reserved but not dispatched gives it back under any policy."""
    kernel = started()
    kernel.state.executions["e1"] = kernel.state.executions["e1"]._replace(state=RESERVED)
    assert kernel(Recover("e1", policy)) == Settled("e1", RELEASED, 0, fresh=True)
    assert "never dispatched" in kernel.log[-1].data()["proof"]


@pytest.mark.parametrize("policy", ["charge", "", "relaese"])
def test_recovery_charges_unless_told_to_release(policy: str) -> None:
    """A dispatched call of a lost gateway is booked at its reserve and marked as uncertain."""
    kernel = started()
    kernel(Recover("e1", policy))
    row = kernel.state.executions["e1"]
    assert (row.state, row.actual_nanousd, row.certainty) == (COMMITTED, 100, "uncertain")
    assert "lost" in row.reason


def test_an_overrun_says_by_how_much() -> None:
    """The event of an overrun holds the reserve, what was billed above it, and whom it stops."""
    kernel = started()
    kernel(commit("e1", 130))
    assert kernel.log[-1].data() == {
        "over_nanousd": 30,
        "reserved_nanousd": 100,
        "stops": "alice",
    }
    assert kernel.log[-1].execution_id == "e1"


def test_what_was_billed_is_kept_with_its_evidence() -> None:
    """A booking keeps status, usage, where that came from, how sure it is and why."""
    kernel = started()
    kernel(commit("e1", 7, status_code=201, certainty="estimated", reason="client went away"))
    row = kernel.state.executions["e1"]
    assert row.usage == '{"input_tokens":3,"output_tokens":4}'
    assert (row.status_code, row.usage_source) == (201, "response")
    assert (row.certainty, row.reason) == ("estimated", "client went away")
    kernel(admit("e2"))
    kernel(commit("e2", 7, usage=None))
    assert kernel.state.executions["e2"].usage == ""


@pytest.mark.parametrize(
    "command", [commit("e1", -1), commit("e1", MAX_NANOUSD + 1), Release("e1", 429, "")]
)
def test_wrong_settlements_are_the_programmers(command: Commit | Release) -> None:
    """A negative or absurd bill and a release without a proof are errors of the caller."""
    kernel = started()
    with pytest.raises(AssertionError):
        kernel(command)
    assert kernel.balance() == (1_000, 0, 100)


@pytest.mark.parametrize(
    "command", [commit("e1", 5, reason="a\0b"), replace(release("e1"), proof="\ud800")]
)
def test_texts_that_no_engine_holds_settle_nothing(command: Any) -> None:
    """A settlement whose text no engine can hold is rejected and leaves the reserve."""
    kernel = started()
    assert isinstance(kernel(command), Rejected)
    assert kernel.balance() == (1_000, 0, 100)
