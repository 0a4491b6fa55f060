"""`aex ledger adjust`."""

from __future__ import annotations

import pytest

from aex_addon.cli.context import Context
from tests.aex_addon.cli.conftest import Aex


def test_an_adjustment_is_booked_by_an_event(aex: Aex, calls: list[str], context: Context) -> None:
    """The call has the new amount, the balance follows, and the log names who and why."""
    said = ("ledger", "adjust", "ex_1", "--actual", "0.0000015", "--reason", "July's invoice")
    assert aex.json(*said)["actual_nanousd"] == 1_500
    assert aex.json("agent", "inspect", "shop")["spent_nanousd"] == 1_500
    last = aex.json("executions", "show", "ex_1")["events"][-1]
    assert last["type"] == "execution.adjusted"
    assert last["payload"]["reason"] == "July's invoice"
    assert last["payload"]["actor"] == context.actor
    assert aex.json("audit")["ok"] is True


def test_an_adjustment_in_words(aex: Aex, calls: list[str]) -> None:
    """What was booked before and what is booked now stand below each other."""
    shown = aex("ledger", "adjust", "ex_1", "--actual", "2", "--reason", "r").stdout
    assert "was booked  $0.0000012 exact" in shown
    assert "is booked   $2.00" in shown


def test_an_unknown_call_is_named(aex: Aex, calls: list[str]) -> None:
    """A call that is not there is refused with where to look."""
    result = aex("ledger", "adjust", "ex_9", "--actual", "1", "--reason", "r", code=1)
    assert "`aex executions list`" in result.stderr


@pytest.mark.parametrize(
    "words", [("--actual", "1"), ("--reason", "r"), ("--actual", "-1", "--reason", "r")]
)
def test_amount_and_reason_are_needed(aex: Aex, calls: list[str], words: tuple[str, ...]) -> None:
    """Without an amount, with a negative one, or without a reason nothing is booked."""
    aex("ledger", "adjust", "ex_1", *words, code=2)
    assert aex.json("executions", "show", "ex_1")["actual_nanousd"] == 1_200
