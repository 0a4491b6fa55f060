"""Laws of the commands: each is a value that nothing changes, and the kernel knows them all."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import get_args

import pytest

from ledger.admin_commands import AdminCommand, Command, NoteGateway, SetLimits
from ledger.commands import CallCommand, Sealed
from ledger.kernel import decide
from ledger.state import State
from tests.ledger.making import Pure, create

KINDS = get_args(AdminCommand) + get_args(CallCommand)


def test_a_command_is_one_of_a_call_or_of_administration() -> None:
    """There is no command beside the two unions, and none in both."""
    assert set(get_args(Command)) == set(KINDS)
    assert len(KINDS) == len(set(KINDS)) == 24


@pytest.mark.parametrize("kind", get_args(AdminCommand))
def test_every_act_is_decided(kind: type[Command]) -> None:
    """No act falls through the kernel: on empty books it is refused, or leaves an event."""
    words = {field.name: "x" for field in fields(kind)}
    ends = ("nanousd", "pm", "_at", "seq", "epoch")
    numbers = {name: 0 for name in words if name.endswith(ends)}
    command = kind(**(words | numbers | {"detail": {}} if kind is NoteGateway else words | numbers))
    drafts, outcome = decide(State(), command, 1)
    assert bool(drafts) != (type(outcome).__name__ == "Rejected")


def test_a_command_is_frozen() -> None:
    """What was asked for cannot be changed while it is decided."""
    command = create()
    with pytest.raises(FrozenInstanceError):
        command.budget_nanousd = 1  # type: ignore[misc]


def test_limits_that_are_named_by_nobody_change_nothing() -> None:
    """SetLimits with its defaults leaves an account's row as it is."""
    kernel = Pure()
    kernel(create(rpm=3, budget_window="day"))
    before = kernel.state.agents["alice"]
    kernel(SetLimits("alice", "operator"))
    assert kernel.state.agents["alice"] == before


def test_an_answer_is_not_shown() -> None:
    """The bytes of an answer stay out of what is printed and logged."""
    assert "secret" not in repr(Sealed("d", 6, 1, b"secret"))
