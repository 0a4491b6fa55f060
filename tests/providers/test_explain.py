"""The lines of a bill add up to the bill, for every model and any counts."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.explain import Line, lines
from providers.price import Price
from providers.prices import ModelOverride, PriceBook
from providers.wire import Usage
from tests.providers.catalogue import AT, priced


@cache
def prices() -> list[Price]:
    """Every fifth model of the catalogue's large providers."""
    return priced(every=5)


@given(st.data())
def test_the_lines_are_the_bill(data: st.DataObject) -> None:
    """Each token stands in one line, at the price of its tier; the sum is what is booked."""
    price = data.draw(st.sampled_from(prices()))
    read = data.draw(st.integers(0, 10**6))
    written = data.draw(st.integers(0, 10**6))
    counts = {
        "input_tokens": read + written + data.draw(st.integers(0, 10**6)),
        "output_tokens": data.draw(st.integers(0, 10**6)),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "web_searches": data.draw(st.integers(0, 9)),
    }
    tier = data.draw(st.sampled_from([None, "priority", "flex"]))
    found = lines(price.rates(tier, counts), counts)
    assert all(line.count > 0 for line in found)
    total = sum((line.usd for line in found), Decimal(0))
    assert math.ceil(total * 10**9) == price.bill(Usage(counts, service_tier=tier))


def test_a_cached_token_is_priced_once() -> None:
    """Cached input is not in the line of plain input."""
    override = ModelOverride("openai", Decimal(2), Decimal(8), Decimal("0.5"))
    price = PriceBook({"m": override}).price("openai", "m", AT)
    counts = {"input_tokens": 1000, "cache_read_tokens": 400, "output_tokens": 10}
    assert lines(price.standard, counts) == [
        Line("input_tokens", 600, Decimal(2), 10**6, Decimal("0.0012")),
        Line("output_tokens", 10, Decimal(8), 10**6, Decimal("0.00008")),
        Line("cache_read_tokens", 400, Decimal("0.5"), 10**6, Decimal("0.0002")),
    ]


def test_contradicting_counts() -> None:
    """More cached than there is input has no lines."""
    price = PriceBook().price("openai", "gpt-4o-mini", AT)
    counts = {"input_tokens": 1, "cache_read_tokens": 2, "output_tokens": 0}
    with pytest.raises(ValueError, match="cache_read_tokens"):
        lines(price.standard, counts)
