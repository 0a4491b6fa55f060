"""The price of a batch: its bound before it begins, and its bill as its results are read.

Owns: which prices hold in a batch, and which of its models a result is billed as.
Refuses to know: where prices come from, how results are read, the ledger.

The catalogue has the prices of batches for most models. Where it has none, half of the standard
ones are taken if the provider's page says that of all its models, else the standard ones: never
less than is billed. What the operator has priced costs that in a batch too.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from providers.bulk import Bulk, TellsResults
from providers.price import Price
from providers.rates import Rates
from providers.wire import Facts, Reading, Usage
from providers.wire_format import Meter

PriceOf = Callable[[str], Price]

TIER = "batch"
_HALF = Decimal("0.5")
# https://platform.claude.com/docs/en/build-with-claude/batch-processing#pricing: of all, caches
# included. https://platform.openai.com/docs/guides/batch: of all, but caches only as listed.
_HALVED = {"anthropic": True, "openai": False}
_TEXT = frozenset({"text"})
# https://platform.claude.com/docs/en/about-claude/models/overview#model-aliases: `-latest` and `-0`
# stand for a date, which is what answers name.
_ALIAS = re.compile(r"-(?:latest|0)\Z")


def in_batch(price: Price) -> Price:
    """The price of a model's calls in a batch; surcharges come on top, as outside of it."""
    tiers, own = price.by_service_tier, price.by_service_tier.get(TIER)
    factors = (Decimal(1), Decimal(1)) if own else _factors(price)
    own = own or price.standard.scaled(factors[0])
    # An answer that names the standard tier says nothing of batches.
    found: dict[str, Rates] = {TIER: own, "default": own, "auto": own}
    for tier, rates in tiers.items():
        if not tier.startswith(TIER) and tier not in found:
            found[tier] = tiers.get(f"{TIER} {tier}") or rates.scaled(factors[1])
            found[f"{TIER} {tier}"] = found[tier]
    return replace(price, standard=own, by_service_tier=found)


def _factors(price: Price) -> tuple[Decimal, Decimal]:
    """What a batch takes off the standard prices, and off those of other tiers."""
    all_of_it = _HALVED.get(price.provider)
    if all_of_it is None or not price.source.startswith("catalogue"):
        return Decimal(1), Decimal(1)
    if all_of_it:
        return _HALF, _HALF
    cached = price.standard.prices("cache_read_mtok")
    return Decimal(1) if cached else _HALF, Decimal(1)


def quote(bulk: Bulk, price_of: PriceOf) -> tuple[int, int]:
    """Nano-dollars that no such batch exceeds, and the tokens of input that they stand for.

    price_of: the price of a model outside of batches. Raises Unquotable as Price.quote does.
    """
    nanousd = tokens = 0
    prices = {model: in_batch(price_of(model)) for model in bulk.models}
    for facts, count in bulk.kinds:
        quoted = prices[facts.model or ""].quote(facts, facts.server_calls_max or 0)
        nanousd += count * quoted.fixed_nanousd
        tokens += count * quoted.input_tokens
    return nanousd, tokens


class Bill:
    """Adds up the usages of a batch's calls.

    Each is billed as the model that was asked: the one that it names, or whose name begins its
    own (a version of it), or the only one. Where that leaves it open, the dearest counts.
    """

    def __init__(self, bulk: Bulk, price_of: PriceOf) -> None:
        """Raises UnknownPrice where a model has no price any more."""
        self._prices = {model: in_batch(price_of(model)) for model in bulk.models}
        self._usd = Decimal(0)
        self.counts: Counter[str] = Counter()

    def add(self, usage: Usage) -> None:
        """One more call."""
        self._usd += max((price.usd(usage) for price in self._asked(usage.model)), default=0)
        self.counts.update(usage.counts)

    @property
    def nanousd(self) -> int:
        """What all of it comes to, rounded up once."""
        return math.ceil(self._usd * 10**9)

    def _asked(self, model: str | None) -> list[Price]:
        stems = {_ALIAS.sub("", name): price for name, price in self._prices.items()}
        named = [stem for stem in stems if model is not None and model.startswith(stem)]
        return [stems[max(named, key=len)]] if named else list(self._prices.values())


def total(bulk: Bulk, usage: Usage, price_of: PriceOf) -> tuple[int, Mapping[str, int]] | None:
    """The bill of a batch whose usage is told in one sum; None where a sum does not tell it.

    It does for one model whose prices do not depend on how long a call is, and nothing beside
    text is billed.
    """
    sums_up = all(_by_tokens_alone(facts) for facts, _ in bulk.kinds)
    prices = [in_batch(price_of(model)) for model in bulk.models]
    if len(prices) != 1 or not sums_up or prices[0].standard.tiered:
        return None
    return math.ceil(prices[0].usd(usage) * 10**9), usage.counts


def _by_tokens_alone(facts: Facts) -> bool:
    return (
        facts.modalities == _TEXT
        and not (facts.charges or facts.server_units or facts.premium_tier)
        and facts.service_tier in (None, "auto", "default")
    )


class Tally:
    """The meter of a batch's results, with a bill that goes along."""

    def __init__(self, meter: Meter, bill: Bill) -> None:
        self._meter = meter
        self._bill = bill

    def feed(self, data: bytes) -> bytes:
        """As the meter; what it read is billed."""
        passed = self._meter.feed(data)
        self._add()
        return passed

    def finish(self) -> bytes:
        """As the meter."""
        passed = self._meter.finish()
        self._add()
        return passed

    def reading(self) -> Reading:
        """As the meter."""
        return self._meter.reading()

    def total(self) -> tuple[int, Mapping[str, int]] | None:
        """Nano-dollars and counts, once the results are whole."""
        if not (isinstance(self._meter, TellsResults) and self._meter.whole()):
            return None
        counts = dict(self._bill.counts)
        # What no log can hold is no count of tokens either.
        return (self._bill.nanousd, counts) if max(counts.values(), default=0) < 2**53 else None

    def _add(self) -> None:
        if isinstance(self._meter, TellsResults):
            for usage in self._meter.taken():
                self._bill.add(usage)
