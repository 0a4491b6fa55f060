"""A seller may not ask more than what was admitted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from providers.openai_sellers import limited, max_price
from providers.wire import Refused

USD = (Decimal("2.5"), Decimal(10))


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (None, {"max_price": {"prompt": 2.5, "completion": 10}}),
        ({"sort": "price"}, {"sort": "price", "max_price": {"prompt": 2.5, "completion": 10}}),
        (
            {"max_price": {"prompt": 1, "completion": 99, "request": 0}},
            {"max_price": {"prompt": 1, "completion": 10, "request": 0}},
        ),
        ({"max_price": {"prompt": True}}, {"max_price": {"prompt": 2.5, "completion": 10}}),
    ],
)
def test_the_lower_limit_counts(provider: Any, expected: dict[str, Any]) -> None:
    """What the request itself sets stays where it is lower, and so does all else."""
    assert limited({"provider": provider}, USD) == expected


@pytest.mark.parametrize("provider", ["x", [], {"max_price": 3}])
def test_what_is_no_object(provider: Any) -> None:
    """A limit that cannot be read is malformed."""
    with pytest.raises(Refused) as caught:
        max_price({"provider": provider})
    assert caught.value.denial.status == 400
