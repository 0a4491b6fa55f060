"""What a query asks, read strictly."""

from __future__ import annotations

import pytest

from ledger.activity import Filter
from web import asked
from web.problems import Problem

NOW = 10**18


def test_nothing_asked() -> None:
    """Empty fields, as a form sends them, are no filter."""
    empty = dict.fromkeys((*asked.FILTERS, "limit", "cursor"), " ")
    assert asked.wanted(empty, NOW) == Filter()
    assert asked.limit(empty) == 50
    assert asked.number(empty, "cursor") is None


def test_everything_asked() -> None:
    """Each field is read, blanks around it fall away."""
    args = {"agent": " bot ", "model": "gpt", "state": "denied", "id": "ex_1", "since": "1s"}
    wanted = asked.wanted(args | {"until": "1970-01-02"}, NOW)
    assert wanted == Filter("bot", "gpt", "DENIED", "ex_1", NOW - 10**9, 86_400 * 10**9)


@pytest.mark.parametrize("text", ["5", "2026-01-01", "2h"])
def test_a_place(text: str) -> None:
    """An event or a time."""
    asked.place(text, NOW)


@pytest.mark.parametrize("text", ["--verify", "x", "1" * 19, "٣"])
def test_no_place(text: str) -> None:
    """Nothing else reaches a command line."""
    with pytest.raises(Problem, match="at:"):
        asked.place(text, NOW)
