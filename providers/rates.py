"""The rates of one model at one time, for billing exactly and for bounding from above.

Owns: units, tiers and the arithmetic of dollars. Refuses to know: which model, which request.

The bill is what `genai_prices.ModelPrice.calc_price` says; models with only the common units take
a shorter path to the same number (a test holds the two together). The bound rests on how the
catalogue splits a bill: every token is priced once, at the rate of the narrowest unit that names
it, so n input tokens never cost more than n times the dearest input rate; output alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from genai_prices import Usage as CatalogueUsage
from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, Tier, TieredPrices
from genai_prices.units import UnitRegistry

_REGISTRY = UnitRegistry(unit_data)

_PLAIN_PRICES = frozenset(
    (
        "input_mtok",
        "output_mtok",
        "cache_read_mtok",
        "cache_write_mtok",
        "requests_kcount",
        "web_searches_kcount",
        "storage_searches_kcount",
    )
)
# Parts that no plain price names do not change a plain bill.
_PLAIN_COUNTS = frozenset(
    (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_reasoning_tokens",
        "input_audio_tokens",
        "output_audio_tokens",
    )
)
_INPUT_ONLY = frozenset(("input_tokens",))
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one unit in USD per `per` units, with tiers by the call's input tokens."""

    key: str
    family: str
    direction: str
    modality: str | None
    per: int
    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def cost(self, count: int, input_tokens: int) -> Decimal:
        """USD for `count` units in a call of `input_tokens`; beyond a tier all units pay it."""
        price = self.base
        for start, tier_price in self.tiers:
            if input_tokens > start:
                price = tier_price
        return price * count / self.per

    def dearest(self, input_tokens_max: int) -> Decimal:
        """USD per unit, the highest that a call of at most `input_tokens_max` can pay."""
        reachable = [price for start, price in self.tiers if input_tokens_max > start]
        return max([self.base, *reachable]) / self.per


class Rates:
    """All rates of a `ModelPrice`. Raises ValueError if the catalogue's own checks refuse it."""

    def __init__(self, price: ModelPrice) -> None:
        self._price = price
        rates = [_rate(key, value) for key, value in vars(price).items() if value is not None]
        self._by_key = {rate.key: rate for rate in rates}
        self._plain = self._by_key.keys() <= _PLAIN_PRICES
        price.calc_price(CatalogueUsage())

    def prices(self, key: str) -> bool:
        """True if there is a price under this catalogue key, such as `output_mtok`."""
        return key in self._by_key

    @property
    def any_price(self) -> bool:
        """True if anything at all has a price."""
        return bool(self._by_key)

    @property
    def tiered(self) -> bool:
        """True if some price depends on how long a call is."""
        return any(rate.tiers for rate in self._by_key.values())

    def bill(self, counts: Mapping[str, int]) -> Decimal:
        """USD for what was counted, exact; an upper bound if the counts contradict each other."""
        plain = self._plain_bill(counts)
        if plain is not None:
            return plain
        known = {key: count for key, count in counts.items() if key in _REGISTRY.units}
        known.pop("requests", None)
        try:
            return self._price.calc_price(CatalogueUsage(**known))["total_price"]
        except ValueError:
            return self._bill_bound(known)

    def bound(
        self,
        input_tokens: int,
        output_tokens: int,
        modalities: frozenset[str] | None,
        unbilled: frozenset[str] = frozenset(),
    ) -> Decimal:
        """USD that no call with at most these tokens exceeds; modalities None means all.

        unbilled: units that the call cannot be billed by.
        """
        return (
            self.per_call()
            + input_tokens * self.dearest("input", input_tokens, modalities, unbilled)
            + output_tokens * self.dearest("output", input_tokens, modalities, unbilled)
        )

    def scaled(self, factor: Decimal) -> Rates:
        """The same rates with every price of tokens times `factor`, fees as they are."""
        return Rates(
            ModelPrice(
                **{
                    key: _times(getattr(self._price, key), factor)
                    if rate.family == "tokens"
                    else getattr(self._price, key)
                    for key, rate in self._by_key.items()
                }
            )
        )

    def per_unit(self, usage_key: str) -> Decimal | None:
        """USD for one of a unit that is no token, such as `web_searches`; None without a price."""
        rate = self.of(usage_key)
        return rate.dearest(0) if rate else None

    def of(self, usage_key: str) -> Rate | None:
        """The rate of a unit by its own name, such as `cache_read_tokens`; None without one."""
        unit = _REGISTRY.units.get(usage_key)
        return self._by_key.get(unit.price_key) if unit else None

    def per_call(self) -> Decimal:
        """USD for the call itself, whatever it holds."""
        fee = self._by_key.get("requests_kcount")
        return fee.cost(1, 0) if fee else _NOTHING

    def dearest(
        self,
        direction: str,
        input_tokens_max: int,
        modalities: frozenset[str] | None,
        unbilled: frozenset[str] = frozenset(),
    ) -> Decimal:
        """USD per token at the highest applicable rate of `input` or `output`."""
        without = {_REGISTRY.units[name].price_key for name in unbilled}
        applicable = [
            rate.dearest(input_tokens_max)
            for rate in self._by_key.values()
            if rate.family == "tokens" and rate.direction == direction
            if rate.key not in without
            if modalities is None or rate.modality is None or rate.modality in modalities
        ]
        return max(applicable, default=_NOTHING)

    def _plain_bill(self, counts: Mapping[str, int]) -> Decimal | None:
        if not (self._plain and "input_tokens" in counts and counts.keys() <= _PLAIN_COUNTS):
            return None
        if "output_tokens" not in counts and counts.keys() != _INPUT_ONLY:
            return None
        input_tokens = left = counts["input_tokens"]
        total = self.per_call()
        for key, dest in (
            ("cache_read_mtok", "cache_read_tokens"),
            ("cache_write_mtok", "cache_write_tokens"),
        ):
            rate, count = self._by_key.get(key), counts.get(dest, 0)
            if rate and count:
                left -= count
                total += rate.cost(count, input_tokens)
        if left < 0:
            return None
        for key, count in (
            ("input_mtok", left),
            ("output_mtok", counts.get("output_tokens", 0)),
        ):
            if rate := self._by_key.get(key):
                total += rate.cost(count, input_tokens)
        return total

    def _bill_bound(self, counts: Mapping[str, int]) -> Decimal:
        tokens = {"input": 0, "output": 0}
        total = _NOTHING
        for usage_key, count in counts.items():
            unit = _REGISTRY.units[usage_key]
            direction = unit.dimensions.get("direction", "")
            if unit.dimensions.get("family") == "tokens" and direction in tokens:
                tokens[direction] += count
            elif rate := self._by_key.get(unit.price_key):
                total += rate.cost(count, 0)
        return total + self.bound(tokens["input"], tokens["output"], None)


def surcharged(
    standard: Rates, tiers: Mapping[str, Rates], factors: Mapping[str, Decimal]
) -> dict[str, Rates]:
    """The tiers, and each of them again with every surcharge: `us`, `fast`, `fast us`.

    factors: by name, what a surcharge multiplies the price of every token by.
    """
    found = dict(tiers)
    for name, factor in factors.items():
        found[name] = standard.scaled(factor)
        found |= {f"{tier} {name}": rates.scaled(factor) for tier, rates in tiers.items()}
    return found


def unit_prices(usd_by_unit: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Prices under the catalogue's keys for USD per single unit. Raises ValueError for a token
    unit (those have prices per million) or one that the catalogue does not know."""
    prices = {}
    for name, usd in usd_by_unit.items():
        unit = _REGISTRY.units.get(name)
        if unit is None or unit.dimensions.get("family") == "tokens":
            known = sorted(
                key
                for key, unit in _REGISTRY.units.items()
                if unit.dimensions.get("family") != "tokens"
            )
            raise ValueError(f"unit_usd: {name!r} is none of {', '.join(known)}")
        prices[unit.price_key] = usd * unit.per
    return prices


def _times(price: Decimal | TieredPrices, factor: Decimal) -> Decimal | TieredPrices:
    if isinstance(price, TieredPrices):
        tiers = [Tier(tier.start, tier.price * factor) for tier in price.tiers]
        return TieredPrices(price.base * factor, tiers)
    return price * factor


def _rate(key: str, value: Decimal | TieredPrices) -> Rate:
    unit = _REGISTRY.unit_for_price_key(key)
    return Rate(
        key=key,
        family=unit.dimensions.get("family", ""),
        direction=unit.dimensions.get("direction", ""),
        modality=unit.dimensions.get("modality"),
        per=unit.per,
        base=value.base if isinstance(value, TieredPrices) else value,
        tiers=tuple((tier.start, tier.price) for tier in value.tiers)
        if isinstance(value, TieredPrices)
        else (),
    )
