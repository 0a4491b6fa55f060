"""What a call cost, line by line: the lines are the bill, or there are none."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from aex_addon.bill_lines import bill_lines
from aex_addon.pricing import price_book
from aex_addon.settings import Settings
from ledger.state import Execution
from providers.wire import Usage
from tests.web.test_view import EXECUTION

PRICES = price_book(Settings())
COUNTS = {"input_tokens": 1000, "output_tokens": 50, "cache_read_tokens": 200}


def call(model: str = "gpt-4o-mini", **changes: object) -> Execution:
    """A call that was booked at its catalogue price."""
    from datetime import UTC, datetime

    row = EXECUTION._replace(model=model, usage=json.dumps(COUNTS))
    at = datetime.fromtimestamp(row.created_at // 10**9, UTC)
    billed = PRICES.price("openai", "gpt-4o-mini", at).bill(Usage(COUNTS))
    return row._replace(actual_nanousd=billed)._replace(**changes)  # type: ignore[arg-type]


def test_the_lines_are_the_bill() -> None:
    """Each unit is told once with its price, and together they are what was booked."""
    row = call()
    found = bill_lines(PRICES, row)
    assert len(found) == 3
    total = sum(Decimal(line["cost_usd"]) for line in found)
    assert -(-total * 10**9 // 1) == row.actual_nanousd
    assert sum(line["count"] for line in found) == 1050


@pytest.mark.parametrize(
    "changes",
    [
        {"actual_nanousd": 1},
        {"usage": ""},
        {"model": "no-such-model"},
        {"usage": '{"input_tokens": 1, "cache_read_tokens": 5}'},
    ],
)
def test_no_lines(changes: dict[str, object]) -> None:
    """What does not add up, or cannot be priced, is not told as if it did."""
    assert bill_lines(PRICES, call(**changes)) == []
