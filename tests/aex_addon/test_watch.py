"""What is noted of a call; that it is noted where things happen is told by test_web_acts.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aex_addon import watch
from aex_addon.tracing import Silent
from ledger.commands import Commit, Release
from ledger.outcomes import Admitted
from web.observed import Observed


def call(price: object = "a price", sent_at: float = 1.0) -> Any:
    return SimpleNamespace(
        admitted=Admitted("ex_1", "bot", 100, 64),
        provider="openai",
        sent_at=sent_at,
        dispatched=False,
        appraisal=SimpleNamespace(price=price, facts=SimpleNamespace(model="m")),
    )


@pytest.fixture
def parts() -> Any:
    return SimpleNamespace(observed=Observed(), tracer=Silent())


def test_waiting_is_noted_even_where_it_fails(parts: Any) -> None:
    """A fault took its time too."""
    with pytest.raises(ValueError, match="x"), watch.waiting(parts, "admission"):
        raise ValueError("x")
    assert sum(parts.observed.added["admission"].counts) == 1


def test_a_call_that_leaves() -> None:
    """From then on it is dispatched, and its time runs."""
    found = call(sent_at=0.0)
    watch.let_go(found)
    assert found.dispatched
    assert found.sent_at > 0


@pytest.mark.parametrize(
    ("command", "cost"),
    [
        (Commit("ex_1", 40, 200, None, "provider", "exact"), 40),
        (Commit("ex_1", None, 0, None, "estimated", "uncertain"), 100),
        (Release("ex_1", 429, "the provider answered 429"), None),
    ],
)
def test_a_booking(parts: Any, command: Commit | Release, cost: int | None) -> None:
    """A bill nobody knows is the reserve; what was given back costs nothing."""
    watch.booked(parts, call(), command)
    key = ("bot", "openai", "m")
    assert parts.observed.cost.items() == ([] if cost is None else [(key, cost)])
    assert sum(parts.observed.answer["openai"].counts) == 1


def test_a_free_call_and_one_that_never_left(parts: Any) -> None:
    """Neither says what models cost, nor how long a provider takes."""
    watch.booked(parts, call(price=None, sent_at=0.0), Commit("ex_1", 0, 200, None, "", "exact"))
    assert parts.observed.cost.items() == []
    assert parts.observed.answer == {}
