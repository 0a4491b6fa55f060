"""No random request is billed more than what was reserved for it."""

from __future__ import annotations

import pytest

from tests.providers import bounds


@pytest.mark.parametrize("name", bounds.MAKERS)
def test_no_reserve_is_below_its_bill(name: str) -> None:
    """Whatever is sent, the tokens that a real tokenizer makes of it are held, cap used up."""
    found = bounds.measure(name, 150, seed=1)
    assert (found["acknowledged"], found["below"]) == (150, 0)
    assert bounds.median(found, name) >= 1


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of four bytes a token, as the usual estimate has it, is found out."""
    real = bounds.reserve
    monkeypatch.setattr(bounds, "reserve", lambda quote, cap: real(quote, cap) // 4)
    assert bounds.measure("openai_embeddings", 300, seed=1)["below"] > 0
