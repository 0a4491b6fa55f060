"""Rows of the books become text for people, exactly."""

from __future__ import annotations

import pytest

from ledger.state import Agent, Execution
from web.tally import Ends
from web.view import agent_rows, execution_rows, moment, percent

AGENT = Agent(
    *("bot", "agent", None, 10**9, 25 * 10**7, 10**8, 0, 0, "clamp", 256, "ACTIVE", "", 1),
    *("total", 0, 0, 0),
)
EXECUTION = Execution(
    *("ex_1", "bot", "tok", "gw", "proxy", "openai", "gpt", "/v1/x", 0, "f", "COMMITTED"),
    *(30, 1, 2, 1_767_225_600_999_999_999, 1, 1, 200, 20, "", "provider", "exact", ""),
    *("bot", "", "", 0),
)


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(0, 0, 0), (5, 0, 0), (1, 3, 33), (3, 3, 100), (9, 3, 100), (-1, 3, 0)],
)
def test_shares(part: int, whole: int, share: int) -> None:
    """A share is a whole percent between 0 and 100, of nothing 0."""
    assert percent(part, whole) == share


@pytest.mark.parametrize(
    ("time_ns", "shown"),
    [(0, "–"), (1_767_225_600_999_999_999, "2026-01-01 00:00:00"), (1, "1970-01-01 00:00:00")],
)
def test_moments(time_ns: int, shown: str) -> None:
    """A time is shown in UTC to the second, cut and not rounded."""
    assert moment(time_ns) == shown


def test_an_agent() -> None:
    """Amounts are exact dollars, what is left is the rest."""
    (row,) = agent_rows([AGENT], {})
    assert (row.budget, row.spent, row.reserved, row.remaining) == (
        "$1.00",
        "$0.25",
        "$0.10",
        "$0.65",
    )
    assert (row.spent_percent, row.reserved_percent) == (25, 10)
    assert (row.overrun, row.over, row.remedy) == ("", "", "")


@pytest.mark.parametrize(
    ("kind", "spent", "over", "remedy"),
    [
        ("agent", 9 * 10**8, "", ""),
        ("agent", 9 * 10**8 + 1, "$0.000000001", "aex agent top-up bot USD"),
        ("run", 15 * 10**8, "$0.60", "aex agent top-up bot USD"),
        ("team", 15 * 10**8, "$0.60", "aex team top-up bot USD"),
    ],
)
def test_an_account_over_its_budget(kind: str, spent: int, over: str, remedy: str) -> None:
    """What is booked and held above the budget is shown with the command that mends it."""
    (row,) = agent_rows([AGENT._replace(kind=kind, spent_nanousd=spent)], {})
    assert (row.over, row.remedy) == (over, remedy)


def test_an_account_that_an_overrun_stopped() -> None:
    """Within its budget too the call and the command are named."""
    (row,) = agent_rows([AGENT._replace(stopped_by="ex_7")], {})
    assert (row.stopped_by, row.over, row.remedy) == ("ex_7", "", "aex agent top-up bot USD")


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        (Ends(committed=9, uncertain=1), ""),
        (Ends(overruns=1, overrun_nanousd=7 * 10**8), "$0.70 by 1 call"),
        (Ends(overruns=2, overrun_nanousd=3), "$0.000000003 by 2 calls"),
    ],
)
def test_overruns_stay_on_the_page(ends: Ends, shown: str) -> None:
    """What an agent was billed above its reserves is told even where the budget carries it."""
    other, row = agent_rows([AGENT._replace(name="other"), AGENT], {"bot": ends})
    assert (other.overrun, row.overrun, row.over) == ("", shown, "")


def test_an_execution() -> None:
    """Its note is the reason if there is one, else where its usage came from."""
    (row,) = execution_rows([EXECUTION])
    assert (row.status, row.reserved, row.actual) == ("200", "$0.00000003", "$0.00000002")
    assert (row.note, row.over) == ("provider", "")
    (denied,) = execution_rows([EXECUTION._replace(status_code=0, model="", reason="why")])
    assert (denied.status, denied.model, denied.note) == ("–", "–", "why")


def test_an_execution_above_its_reserve() -> None:
    """By how much more was booked than reserved is shown, exactly."""
    (row,) = execution_rows([EXECUTION._replace(actual_nanousd=31)])
    assert row.over == "$0.000000001"
    (even,) = execution_rows([EXECUTION._replace(actual_nanousd=30)])
    assert even.over == ""
