"""Rates: the short path equals the catalogue's own arithmetic; bounds hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from providers.rates import Rates

TIERED = TieredPrices(Decimal(1), [Tier(100, Decimal(3)), Tier(200, Decimal(2))])
COUNTS = st.integers(0, 10**7)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
def test_the_short_path_is_the_catalogues_bill(
    fresh: int, read: int, written: int, output: int, tiered: bool
) -> None:
    """For the common units both ways give the very same dollars, with tiers and with fees."""
    price = ModelPrice(
        input_mtok=TIERED if tiered else Decimal("0.15"),
        cache_read_mtok=Decimal("0.075"),
        cache_write_mtok=Decimal("1.1"),
        output_mtok=TIERED,
        requests_kcount=Decimal(5),
    )
    counts = {
        "input_tokens": fresh + read + written,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_tokens": output,
    }
    expected = price.calc_price(Usage(**counts))["total_price"]
    assert Rates(price).bill(counts) == expected


def test_a_tier_bounds_only_where_it_can_be_reached() -> None:
    """The dearest rate is over the tiers that so many input tokens can pass."""
    rates = Rates(ModelPrice(input_mtok=TIERED, output_mtok=TIERED))
    million = Decimal(10**6)
    assert rates.dearest("input", 100, None) * million == 1
    assert rates.dearest("input", 101, None) * million == 3
    assert rates.dearest("output", 500, None) * million == 3


def test_other_modalities_bound_only_where_they_may_occur() -> None:
    """Audio rates do not weigh on a call that can hold none."""
    rates = Rates(
        ModelPrice(
            input_mtok=Decimal(1),
            output_mtok=Decimal(2),
            input_audio_mtok=Decimal(32),
            output_audio_mtok=Decimal(64),
        )
    )
    text = frozenset({"text"})
    million = Decimal(10**6)
    assert rates.dearest("input", 9, text) * million == 1
    assert rates.dearest("input", 9, text | {"audio"}) * million == 32
    assert rates.dearest("output", 9, None) * million == 64


def test_scaled_rates_scale_tokens_alone() -> None:
    """Every price of tokens, tiers and all, is multiplied; fees stay what they are."""
    price = ModelPrice(input_mtok=TIERED, output_mtok=Decimal(2), web_searches_kcount=Decimal(10))
    scaled = Rates(price).scaled(Decimal("1.1"))
    for tokens in (100, 150, 250):
        counts = {"input_tokens": tokens, "output_tokens": tokens}
        assert scaled.bill(counts) == Rates(price).bill(counts) * Decimal("1.1")
    fees = {"input_tokens": 0, "output_tokens": 0, "web_searches": 3}
    assert scaled.bill(fees) == Rates(price).bill(fees) == Decimal("0.03")


def test_units_left_out_do_not_bound() -> None:
    """A unit that cannot be billed does not make a rate the dearest one."""
    rates = Rates(ModelPrice(input_mtok=Decimal(1), cache_write_mtok=Decimal(2)))
    million, none = Decimal(10**6), frozenset({"cache_write_tokens"})
    assert rates.dearest("input", 9, None) * million == 2
    assert rates.dearest("input", 9, None, none) * million == 1
    assert rates.bound(10**6, 0, None, none) == 1


def test_contradicting_counts_cost_their_bound() -> None:
    """More cached tokens than input tokens is nonsense, and nonsense is never free."""
    rates = Rates(
        ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), cache_read_mtok=Decimal("0.1"))
    )
    counts = {"input_tokens": 10, "cache_read_tokens": 90, "output_tokens": 5}
    assert rates.bill(counts) == (100 * Decimal(1) + 5 * Decimal(2)) / 10**6


def test_prices_that_the_catalogue_itself_refuses_are_errors() -> None:
    """A negative or infinite amount never becomes a rate."""
    for amount in (Decimal(-1), Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError):
            Rates(ModelPrice(input_mtok=amount))
