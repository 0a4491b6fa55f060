"""Laws of the kernel: it decides without changing anything, and always the same."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given

from ledger.admin_commands import Command, CreateAgent, SetLimits
from ledger.admission import lineage
from ledger.commands import Adjust, Commit
from ledger.kernel import decide, step
from ledger.outcomes import Rejected
from ledger.state import OPEN_STATES, State
from tests.ledger.histories import histories
from tests.ledger.making import START, Pure, admit, create, rows


@given(histories)
def test_deciding_changes_nothing(history: list[Command]) -> None:
    """A decision leaves the state as it was; only the event that follows changes it."""
    kernel = Pure()
    for command in history:
        before = deepcopy(kernel.state)
        decide(kernel.state, command, kernel.now)
        assert kernel.state == before
        kernel(command)


@given(histories)
def test_the_same_commands_make_the_same_log(history: list[Command]) -> None:
    """The same commands at the same times lead to the same outcomes and the same root hash."""
    one, other = Pure(), Pure()
    assert [one(command) for command in history] == [other(command) for command in history]
    assert one.log == other.log
    assert one.root() == other.root()


@given(histories)
def test_the_budget_holds(history: list[Command]) -> None:
    """No command but a bill, an adjustment or another window takes more than the budget."""
    kernel = Pure()
    for command in history:
        before = dict(kernel.state.agents)
        kernel(command)
        if not isinstance(command, Commit | Adjust | SetLimits | CreateAgent):
            for name, agent in kernel.state.agents.items():
                least = min(before[name].remaining_nanousd, 0) if name in before else 0
                assert agent.remaining_nanousd >= least


@given(histories)
def test_holds_are_the_open_reserves(history: list[Command]) -> None:
    """What an account holds is the sum of the open reserves of it and of all below it."""
    kernel = Pure()
    for command in history:
        kernel(command)
        for agent in kernel.state.agents.values():
            assert agent.reserved_nanousd == sum(
                row.reserved_nanousd
                for row in kernel.state.executions.values()
                if row.state in OPEN_STATES
                and agent.name in {level.name for level in lineage(kernel.state, row.account)}
            )


@given(histories)
def test_a_rejected_command_leaves_no_trace(history: list[Command]) -> None:
    """A command that contradicts the books writes no event and changes no row."""
    kernel = Pure()
    for command in history:
        before, log = deepcopy(rows(kernel.state)), list(kernel.log)
        if isinstance(kernel(command), Rejected):
            assert (rows(kernel.state), kernel.log) == (before, log)


def test_events_are_numbered_from_the_end_of_the_log() -> None:
    """The events of a step follow the last one of the log and carry the time of the step."""
    state = State()
    events, _ = step(state, create(), START, 41)
    assert [(event.seq, event.time_ns) for event in events] == [(42, START), (43, START)]
    events, _ = step(state, admit("e1"), START + 1, 43)
    assert [(event.seq, event.execution_id) for event in events] == [(44, "e1"), (45, "e1")]
