"""Finds the price of a model: the operator's own first, then the catalogue's; never a guess.

Owns: the look-up, its caches, the order of sources. Refuses to know: how a bill is made (price.py).

The catalogue is genai-prices, as installed; nothing is fetched. Where a provider resells another's
models, the catalogue itself may say whose price applies (Azure takes OpenAI's); that one step is
accepted and named in `source`, and no other provider's price is ever used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider

from providers.model_limits import context_window, max_output_tokens, may_hide_output
from providers.price import Price, UnknownPrice
from providers.rates import Rates, unit_prices

__all__ = ["ModelOverride", "Price", "PriceBook", "UnknownPrice"]

CACHE_SIZE = 1024
CATALOGUE = f"catalogue genai-prices {version('genai-prices')}"


@dataclass(frozen=True, slots=True)
class ModelOverride:
    """The operator's own price and limits for a model, in USD per million tokens.

    Without a cache price, cached tokens cost what input costs. None elsewhere: as published.
    unit_usd: USD for one unit of the catalogue that is no token (`web_searches`).
    """

    provider: str
    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    max_output_tokens: int | None = None
    context_window: int | None = None
    hidden_output: bool | None = None
    unit_usd: Mapping[str, Decimal] = field(default_factory=dict)


class PriceBook:
    """Prices by provider, model and time. Look-ups are cached, unknown names included.

    overrides: by model name, exactly as requests name it; they win over the catalogue.
    Raises ValueError for an override that is no finite, non-negative amount.
    """

    def __init__(self, overrides: Mapping[str, ModelOverride] | None = None) -> None:
        self._overrides = dict(overrides or {})
        for model, override in self._overrides.items():
            try:
                Rates(_override_price(override))
            except ValueError as error:
                raise ValueError(f'models."{model}": {error}') from None
        # Names come from agents, so both caches are bounded.
        self._find = lru_cache(maxsize=CACHE_SIZE)(_find)
        self._at_minute = lru_cache(maxsize=CACHE_SIZE)(self._resolve)

    def price(self, provider: str, model: str, at: datetime) -> Price:
        """The price of `model` at the time `at` (aware). Raises UnknownPrice, with its remedy.

        Prices change by date and by time of day, on whole minutes; so each minute has its own.
        """
        minute = at.astimezone(UTC).replace(second=0, microsecond=0)
        price = self._at_minute(provider, model, minute)
        if price is None:
            raise UnknownPrice(provider, model)
        return price

    def models(self, provider: str) -> list[str]:
        """Names of a provider's models: the operator's own, then the catalogue's."""
        entry = find_provider_by_id(get_snapshot().providers, provider)
        own = [name for name, model in self._overrides.items() if model.provider == provider]
        published = [info.id for info in entry.models] if entry else []
        return own + [name for name in published if name not in own]

    def _resolve(self, provider: str, model: str, at: datetime) -> Price | None:
        override = self._overrides.get(model)
        if override is not None and override.provider == provider:
            return _from_override(provider, model, override)
        found = self._find(provider, model)
        return _from_catalogue(provider, model, found, at) if found else None


def _find(provider: str, model: str) -> tuple[Provider, ModelInfo] | None:
    # The snapshot's own look-up remembers every name it was ever asked for, without bound.
    snapshot = get_snapshot()
    entry = find_provider_by_id(snapshot.providers, provider)
    info = entry.find_model(model, all_providers=snapshot.providers) if entry else None
    return (entry, info) if entry and info else None


def _from_override(provider: str, model: str, override: ModelOverride) -> Price:
    hidden = override.hidden_output
    limit = override.max_output_tokens
    return Price(
        provider=provider,
        model=model,
        model_id=model,
        source="config",
        hidden_output=may_hide_output(provider, model) if hidden is None else hidden,
        max_output_tokens=max_output_tokens(provider, model) if limit is None else limit,
        input_window=override.context_window,
        standard=Rates(_override_price(override)),
        by_service_tier={},
    )


def _override_price(override: ModelOverride) -> ModelPrice:
    return ModelPrice(
        input_mtok=override.input_usd_per_mtok,
        output_mtok=override.output_usd_per_mtok,
        cache_read_mtok=override.cache_read_usd_per_mtok,
        cache_write_mtok=override.cache_write_usd_per_mtok,
        **unit_prices(override.unit_usd),
    )


def _from_catalogue(
    provider: str, model: str, found: tuple[Provider, ModelInfo], at: datetime
) -> Price | None:
    entry, info = found
    is_own = any(info is own for own in entry.models)
    try:
        standard = Rates(info.get_prices(at))
        # A reseller has the other's prices, not the other's service tiers.
        tiers = {
            tier: Rates(info.get_prices(at, {"service_tier": tier}))
            for tier in (_service_tiers(info) if is_own else ())
        }
    except (ValueError, IndexError, KeyError):
        return None
    # No price at all means a subscription or a free endpoint; neither may pass as costing nothing.
    if not standard.prices("input_mtok"):
        return None
    return Price(
        provider=provider,
        model=model,
        model_id=info.id,
        source=CATALOGUE if is_own else f"{CATALOGUE}, at the model's own provider",
        hidden_output=may_hide_output(provider, model),
        max_output_tokens=max_output_tokens(provider, model),
        input_window=_window(info.context_window) or context_window(provider, model),
        standard=standard,
        by_service_tier=tiers,
    )


def _service_tiers(info: ModelInfo) -> set[str]:
    variants = info.price_variants or ()
    return {v.when["service_tier"] for v in variants if v.when.keys() == {"service_tier"}}


def _window(context_window: int | None) -> int | None:
    """The catalogue rounds windows (1 000 000 for 1 047 576), by at most 2**20 / 10**6."""
    return None if context_window is None else -(-context_window * 105 // 100)
