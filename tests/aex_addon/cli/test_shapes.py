"""The documents that programs read."""

from __future__ import annotations

import pytest

from aex_addon.cli.shapes import amounts, iso, short, token_state, usd
from ledger.state import Token


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
    token = Token("h", "tok_x", "a", "execution", "l", 1, expires_at, revoked_at)
    assert token_state(token, 10) == state
