"""What a bill is made of, line by line: for people who ask why a call cost what it did.

Owns: the split of counts into units that are priced once each. Its sum is the bill (a test holds
the two together).
Refuses to know: where a price came from, how it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from genai_prices import Usage as CatalogueUsage
from genai_prices.data_units import unit_data
from genai_prices.decompose import compute_leaf_values
from genai_prices.units import UnitRegistry

from providers.rates import Rate, Rates

_UNITS = UnitRegistry(unit_data).units


@dataclass(frozen=True, slots=True)
class Line:
    """One unit of a bill: `count` of it at `price_usd` for every `per`.

    above: the price is that of a call of more input tokens than this; None without tiers.
    """

    unit: str
    count: int
    price_usd: Decimal
    per: int
    usd: Decimal
    above: int | None = None


def lines(rates: Rates, counts: Mapping[str, int]) -> list[Line]:
    """The lines of a bill for these counts, every token in the narrowest unit that names it.

    Raises ValueError where the counts contradict each other.
    """
    by_unit = {unit: rates.of(unit) for unit in _UNITS}
    priced = {unit: rate for unit, rate in by_unit.items() if rate and unit != "requests"}
    known = {unit: count for unit, count in counts.items() if unit in _UNITS}
    known.pop("requests", None)
    usage = CatalogueUsage(**known)
    leaves = compute_leaf_values(set(priced), usage, {unit: _UNITS[unit] for unit in priced})
    input_tokens = known.get("input_tokens", 0)
    found = [_line(unit, int(leaves[unit]), priced[unit], input_tokens) for unit in priced]
    fee = by_unit["requests"]
    if fee is not None:
        found.append(_line("requests", 1, fee, 0))
    return [line for line in found if line.count]


def _line(unit: str, count: int, rate: Rate, input_tokens: int) -> Line:
    reached = [tier for tier in rate.tiers if input_tokens > tier[0]]
    above, price = reached[-1] if reached else (None, rate.base)
    return Line(unit, count, price, rate.per, price * count / rate.per, above)
