"""Rows of the books become text for people, exactly."""

from __future__ import annotations

import pytest

from ledger.state import Agent, Execution
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
    (row,) = agent_rows([AGENT])
    assert (row.budget, row.spent, row.reserved, row.remaining) == (
        "$1.00",
        "$0.25",
        "$0.10",
        "$0.65",
    )
    assert (row.spent_percent, row.reserved_percent) == (25, 10)


def test_an_execution() -> None:
    """Its note is the reason if there is one, else where its usage came from."""
    (row,) = execution_rows([EXECUTION])
    assert (row.status, row.reserved, row.actual) == ("200", "$0.00000003", "$0.00000002")
    assert row.note == "provider"
    (denied,) = execution_rows([EXECUTION._replace(status_code=0, model="", reason="why")])
    assert (denied.status, denied.model, denied.note) == ("–", "–", "why")
