"""No random request is billed more than what was reserved for it."""

from __future__ import annotations

import math

import pytest

from providers.bulk_price import Bill
from tests.providers import bounds, bounds_batches


@pytest.mark.parametrize("name", bounds.MAKERS)
def test_no_reserve_is_below_its_bill(name: str) -> None:
    """Whatever is sent, the tokens that a real tokenizer makes of it are held, cap used up."""
    trials = 40 if name.endswith("_batches") else 150
    found = bounds.measure(name, trials, seed=1)
    assert (found["acknowledged"], found["below"]) == (trials, 0)
    assert bounds.median(found, name) >= 1


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of four bytes a token, as the usual estimate has it, is found out."""
    real = bounds.reserve
    monkeypatch.setattr(bounds, "reserve", lambda quote, cap: real(quote, cap) // 4)
    assert bounds.measure("openai_embeddings", 300, seed=1)["below"] > 0


def test_the_comparison_of_batches_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a reserve of half a batch, and a bill that is not what its calls come to."""
    real = bounds_batches.quote
    with monkeypatch.context() as patch:
        patch.setattr(bounds_batches, "quote", lambda *asked: (real(*asked)[0] // 2, 0))
        assert bounds.measure("anthropic_batches", 20, seed=1)["below"] > 0
    for wrong in (-1, 1):
        with monkeypatch.context() as patch:
            patch.setattr(Bill, "nanousd", property(lambda bill, by=wrong: ceil(bill) + by))
            assert bounds.measure("openai_batches", 5, seed=1)["below"] == 5


def ceil(bill: Bill) -> int:
    """What the bill comes to, as it really is."""
    return math.ceil(bill._usd * 10**9)
