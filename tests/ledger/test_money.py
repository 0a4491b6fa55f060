"""Laws of money: dollars become whole nano-dollars exactly, or are refused with a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import MAX_NANOUSD, ceil_nanousd, parse_usd, show_usd


@pytest.mark.parametrize(
    ("text", "nanousd"),
    [
        ("2", 2_000_000_000),
        ("2.01", 2_010_000_000),
        ("0.50", 500_000_000),
        ("$1,000.25", 1_000_250_000_000),
        (" 5 ", 5_000_000_000),
        ("1_000", 1_000_000_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("1e-9", 1),
        ("9007199", 9_007_199_000_000_000),
    ],
)
def test_amounts_are_exact(text: str, nanousd: int) -> None:
    """An amount that people write is exactly the nano-dollars that it says."""
    assert parse_usd(text) == nanousd


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an amount"),
        ("five", "not an amount"),
        ("1.2.3", "not an amount"),
        ("-1", "negative"),
        ("nan", "not a finite"),
        ("inf", "not a finite"),
        ("-inf", "not a finite"),
        ("0.0000000001", "more than nine decimals"),
        ("9007200", "above the largest"),
        ("1e999999", "above the largest"),
        ("1,5", "in two ways"),
        ("1,50", "in two ways"),
        ("1.000,25", "in two ways"),
        (",500", "in two ways"),
        ("1,0000", "in two ways"),
    ],
)
def test_other_texts_are_refused(text: str, why: str) -> None:
    """What is no amount within the limits is refused with the reason."""
    with pytest.raises(ValueError, match=why):
        parse_usd(text)


@given(st.integers(0, 900_719_900))
def test_cents_lose_nothing(cents: int) -> None:
    """No amount in cents is off by a single nano-dollar."""
    assert parse_usd(f"{cents // 100}.{cents % 100:02d}") == cents * 10_000_000


@given(st.integers(0, 9_007_199_000_000_000))
def test_what_is_shown_can_be_parsed(nanousd: int) -> None:
    """A shown amount is the amount, to the last digit."""
    assert parse_usd(show_usd(nanousd)) == nanousd


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (-1_500_000_000, "-$1.50"),
        (1_234_567_000_000_000, "$1,234,567.00"),
        (MAX_NANOUSD, "$9,007,199.254740991"),
    ],
)
def test_amounts_are_shown_with_two_decimals_or_more(nanousd: int, text: str) -> None:
    """An amount is shown with the decimals that it needs, and two at least."""
    assert show_usd(nanousd) == text


@given(st.decimals(0, 1_000_000, allow_nan=False, places=15))
def test_rounding_goes_up_and_less_than_one_unit(usd: Decimal) -> None:
    """A cost is rounded up, by less than one nano-dollar."""
    exact = usd * 1_000_000_000
    assert exact <= ceil_nanousd(usd) < exact + 1
