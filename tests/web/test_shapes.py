"""The documents that programs read."""

from __future__ import annotations

import pytest

from ledger.state import Agent, Execution, Token, columns
from web.shapes import (
    agent_shape,
    amounts,
    execution_shape,
    iso,
    short,
    token_state,
    usd,
)

DAY_NS = 86_400_000_000_000


def account(**values: object) -> Agent:
    """A daily budget of 100, of which 30 were spent on day 10 and 5 before it."""
    common = dict.fromkeys(columns(Agent), 0) | {"name": "a", "kind": "agent", "parent": "lab"}
    daily = {
        "budget_window": "day",
        "budget_nanousd": 100,
        "spent_nanousd": 30,
        "spent_before_nanousd": 5,
        "window_start": 10 * DAY_NS,
    }
    return Agent(**(common | daily | values))  # type: ignore[arg-type]


def test_times_are_utc_to_the_nanosecond() -> None:
    """A time keeps every digit; 0 is null."""
    assert iso(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"
    assert iso(0) is None
    assert (short(1_700_000_000_999_999_999), short(0)) == ("2023-11-14 22:13:20", "-")


@pytest.mark.parametrize(
    ("nanousd", "text"), [(0, "0.00"), (1, "0.000000001"), (-1_500_000_000, "-1.50")]
)
def test_amounts_are_exact_text(nanousd: int, text: str) -> None:
    """No sign of a currency, no commas, no rounding."""
    assert usd(nanousd) == text
    assert usd(1_234_567_000_000_000) == "1234567.00"
    assert amounts(x=nanousd) == {"x_nanousd": nanousd, "x_usd": text}


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "state"),
    [(0, 0, "active"), (11, 0, "active"), (10, 0, "expired"), (11, 5, "revoked")],
)
def test_a_token_is_active_until_it_ends(expires_at: int, revoked_at: int, state: str) -> None:
    """It ends at its expiry, not after it; revoked counts above expired."""
    token = Token("h", "tok_x", "a", "execution", "l", 1, expires_at, revoked_at, "a")
    assert token_state(token, 10) == state


@pytest.mark.parametrize(
    ("now", "spent", "before"),
    [(11 * DAY_NS - 1, 30, 5), (11 * DAY_NS, 0, 35), (20 * DAY_NS, 0, 35)],
)
def test_balances_are_of_the_window_of_this_moment(now: int, spent: int, before: int) -> None:
    """A window that no call has begun yet has nothing spent in it, and the sum stays."""
    shape = agent_shape(account(), now)
    assert (shape["spent_nanousd"], shape["spent_before_nanousd"]) == (spent, before)
    assert shape["remaining_nanousd"] == 100 - spent
    assert shape["lifetime_spent_nanousd"] == 35
    assert shape["window_resets_at"] == iso((now // DAY_NS + 1) * DAY_NS)
    assert (shape["kind"], shape["parent"], shape["budget_window"]) == ("agent", "lab", "day")


def test_a_budget_for_good_never_starts_anew() -> None:
    """Without a window the row is shown as it stands, however late it is."""
    forever = account(budget_window="total", window_start=0, expires_at=7)
    shape = agent_shape(forever, 10**18)
    assert (shape["window_resets_at"], shape["expires_at"]) == (None, iso(7))


@pytest.mark.parametrize(("retry_of", "shown"), [("", None), ("ex_0", "ex_0")])
def test_a_call_names_its_account_and_the_earlier_attempt(retry_of: str, shown: str | None) -> None:
    """Which account paid first, and what it repeats or null; what is the ledger's own stays out."""
    row = dict.fromkeys(columns(Execution), 0) | {"usage": "", "account": "shop/run-1"}
    call = execution_shape(Execution(**(row | {"retry_of": retry_of, "certainty": "exact"})))  # type: ignore[arg-type]
    assert (call["account"], call["retry_of"], call["certainty"]) == ("shop/run-1", shown, "exact")
    assert not {"idempotency_key", "tpm_cells"} & call.keys()
