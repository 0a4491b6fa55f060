"""Laws of the kernel: it decides without changing anything, and always the same."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given

from ledger.commands import Command, Rejected
from ledger.kernel import decide, step
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
    """After every command, spent and held are within the budget unless an overrun was booked."""
    kernel = Pure()
    for command in history:
        kernel(command)
        overrun = {event.agent for event in kernel.log if event.type == "usage.overrun"}
        for agent in kernel.state.agents.values():
            assert agent.remaining_nanousd >= 0 or agent.name in overrun


@given(histories)
def test_holds_are_the_open_reserves(history: list[Command]) -> None:
    """What an agent holds is the sum of its open reserves, at every moment."""
    kernel = Pure()
    for command in history:
        kernel(command)
        for agent in kernel.state.agents.values():
            assert agent.reserved_nanousd == sum(
                row.reserved_nanousd
                for row in kernel.state.executions.values()
                if row.agent == agent.name and row.state in OPEN_STATES
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
