"""What a booked call cost, line by line, as documents.

Owns: pricing a call's counts anew for whoever asks why it cost what it did. Lines that do not add
up to what was booked (another tier, a price that has changed since) are not told.
Refuses to know: how a bill is split (providers/explain.py), how lines are shown.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from ledger.state import Execution
from providers.explain import Line, lines
from providers.prices import PriceBook, UnknownPrice

_NANO = Decimal(10**9)


def line_shape(line: Line) -> dict[str, Any]:
    """One line."""
    return {
        "unit": line.unit,
        "count": line.count,
        "price_usd": str(line.price_usd),
        "per": line.per,
        "cost_usd": f"{line.usd.normalize():f}",
        "above_input_tokens": line.above,
    }


def bill_lines(prices: PriceBook, execution: Execution) -> list[dict[str, Any]]:
    """The lines of a call's bill, [] where they do not add up to what is booked."""
    if not execution.usage:
        return []
    counts = json.loads(execution.usage)
    at = datetime.fromtimestamp(execution.created_at // 10**9, UTC)
    try:
        price = prices.price(execution.provider, execution.model, at)
        found = lines(price.rates(None, counts), counts)
    except (UnknownPrice, ValueError):
        return []
    total = sum((line.usd for line in found), Decimal(0)) * _NANO
    if total.to_integral_value(ROUND_CEILING) != execution.actual_nanousd:
        return []
    return [line_shape(line) for line in found]
