"""Bodies of the API: what each takes is driven through test_api.py; here are their limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ledger.lifecycle import GOALS
from web.bodies import Create, State, Why, amount
from web.problems import Problem


@pytest.mark.parametrize("reason", ["", "  ", "\n", "x" * 501, 5, None])
def test_a_reason_is_needed(reason: object) -> None:
    """Every act says why, in a sentence."""
    with pytest.raises(ValidationError):
        Why.model_validate({"reason": reason})


def test_what_a_creation_leaves_out() -> None:
    """No limits, a budget for good, answers clamped: what `aex agent create` does too."""
    made = Create.model_validate({"name": "a", "budget_usd": "1", "reason": "x"})
    assert (made.rpm, made.tpm, made.budget_window, made.on_short_budget) == (
        0,
        0,
        "total",
        "clamp",
    )


def test_states_are_described() -> None:
    """The document names those that can be asked for; the ledger says so of any other."""
    assert State.model_json_schema()["properties"]["state"]["enum"] == list(GOALS)


@pytest.mark.parametrize("text", ["-1", "NaN", "0.0000000001", "x"])
def test_amounts_are_exact(text: str) -> None:
    """What is no exact amount is a 400 that names the field."""
    with pytest.raises(Problem, match="amount_usd"):
        amount(text, "amount_usd")
