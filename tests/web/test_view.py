"""Rows of the books become text for people, exactly."""

from __future__ import annotations

import pytest

from ledger.state import Agent, Execution
from web.tally import Ends
from web.view import (
    AccountRow,
    account_row,
    denial_rows,
    execution_rows,
    moment,
    percent,
    short_usd,
    span,
)

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
    [(0, 0, 0), (5, 0, 0), (1, 3, 33.3), (3, 3, 100), (9, 3, 100), (-1, 3, 0), (1, 10**9, 0.1)],
)
def test_shares(part: int, whole: int, share: float) -> None:
    """A share is between 0 and 100 percent; what is not nothing is not shown as nothing."""
    assert percent(part, whole) == share


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        *((0, "0 ms"), (850_400_000, "850 ms"), (2_440_000_000, "2.4 s"), (59 * 10**9, "59.0 s")),
        *((60 * 10**9, "1 min"), (7199 * 10**9, "120 min"), (7200 * 10**9, "2 h")),
        *((172_800 * 10**9, "2 d"), (10**18, "11,574 d")),
    ],
)
def test_spans(nanoseconds: int, shown: str) -> None:
    """A duration in the unit that reads best."""
    assert span(nanoseconds) == shown


@pytest.mark.parametrize(
    ("nanousd", "shown"),
    [
        *((0, "$0"), (10**9, "$1.00"), (1_234_567_890_123, "$1,234.57"), (-5 * 10**8, "-$0.5")),
        *((43_741_805, "$0.0437"), (12, "$0.000000012"), (499_999, "$0.000499999")),
    ],
)
def test_amounts_at_a_glance(nanousd: int, shown: str) -> None:
    """Cents where there are some, more digits where there are none."""
    assert short_usd(nanousd) == shown


@pytest.mark.parametrize(
    ("time_ns", "shown"),
    [(0, "–"), (1_767_225_600_999_999_999, "2026-01-01 00:00:00"), (1, "1970-01-01 00:00:00")],
)
def test_moments(time_ns: int, shown: str) -> None:
    """A time is shown in UTC to the second, cut and not rounded."""
    assert moment(time_ns) == shown


def agent_row(agent: Agent, ends: Ends | None = None) -> AccountRow:
    return account_row(agent, ends or Ends(), 0, 0, None)


def test_an_agent() -> None:
    """Amounts at a glance, and all of them to the last digit; what is left is the rest."""
    row = account_row(AGENT, Ends(), 1, 25 * 10**7, 2 * 3600 * 10**9)
    assert (row.budget, row.spent, row.reserved, row.remaining) == (
        "$1.00",
        "$0.25",
        "$0.1",
        "$0.65",
    )
    assert row.exact == "$0.25 spent, $0.10 reserved, $0.65 left of $1.00"
    assert (row.spent_percent, row.reserved_percent) == (25, 10)
    assert (row.burn, row.lasts, row.depth) == ("$0.25/h", "2 h", 1)
    assert (row.overrun, row.over, row.remedy) == ("", "", "")
    assert (agent_row(AGENT).burn, agent_row(AGENT).lasts) == ("", "")


@pytest.mark.parametrize(("count", "told"), [(0, ""), (1, "once"), (1200, "1,200 times")])
def test_ways_around(count: int, told: str) -> None:
    """How often something was seen to go around AEX; what was kept from it is no such time."""
    assert agent_row(AGENT, Ends(bypasses=count, bypasses_blocked=5)).around == told


@pytest.mark.parametrize(("state", "serves"), [("READY", True), ("PAUSED", False)])
def test_a_state(state: str, serves: bool) -> None:
    """Whoever makes no calls is marked, with the reason."""
    row = agent_row(AGENT._replace(lifecycle_state=state, lifecycle_reason="why"))
    assert (row.serves, row.reason) == (serves, "why")


def test_a_bar_is_no_longer_than_its_track() -> None:
    """Spent and reserved together are the whole at the most."""
    row = agent_row(AGENT._replace(spent_nanousd=9 * 10**8, reserved_nanousd=5 * 10**8))
    assert (row.spent_percent, row.reserved_percent) == (90, 10)


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
    row = agent_row(AGENT._replace(kind=kind, spent_nanousd=spent))
    assert (row.over, row.remedy) == (over, remedy)


def test_an_account_that_an_overrun_stopped() -> None:
    """Within its budget too the call and the command are named."""
    row = agent_row(AGENT._replace(stopped_by="ex_7"))
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
    row = agent_row(AGENT, ends)
    assert (row.overrun, row.over) == (shown, "")


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


@pytest.mark.parametrize(
    ("state", "certainty", "tone"),
    [
        *(("DISPATCHED", "", "open"), ("DENIED", "", "bad"), ("COMMITTED", "exact", "good")),
        *(("COMMITTED", "uncertain", "bad"), ("RELEASED", "", "plain")),
    ],
)
def test_tones(state: str, certainty: str, tone: str) -> None:
    """What is under way, what went well, and what somebody is to look at."""
    (row,) = execution_rows([EXECUTION._replace(state=state, certainty=certainty)])
    assert (row.tone, row.certainty) == (tone, "" if certainty == "exact" else certainty)


def test_a_denial() -> None:
    """Its code and its sentence come apart, and the remedy is the operator's."""
    denied = EXECUTION._replace(state="DENIED", reason="rate_limited: 5 requests: per minute")
    (row,) = denial_rows([denied])
    assert (row.code, row.message) == ("rate_limited", "5 requests: per minute")
    assert "`aex agent limits bot" in row.remedy
