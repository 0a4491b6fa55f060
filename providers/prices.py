"""Finds the price of a model: the operator's own first, then the catalogue's; never a guess.

Owns: the look-up, its caches, the order of sources. Refuses to know: how a bill is made (price.py),
how the catalogue is read (catalogue.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices.types import ModelPrice

from providers import catalogue
from providers.claude_models import surcharges
from providers.model_limits import max_output_tokens, may_hide_output
from providers.price import Price
from providers.provider import Provider
from providers.rates import Rates, surcharged, unit_prices
from providers.unquotable import UnknownPrice

__all__ = ["ModelOverride", "Price", "PriceBook", "UnknownPrice"]

CACHE_SIZE = 1024
_FREE = Rates(ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0)))


@dataclass(frozen=True, slots=True)
class ModelOverride:
    """The operator's own price and limits for a model, in USD per million tokens.

    Without a cache price, cached tokens cost what input costs, and so does cached sound. None
    elsewhere: as published.
    price_as: the catalogue's model whose prices these are, instead of an input price.
    unit_usd: USD for one unit of the catalogue that is no token (`web_searches`).
    """

    provider: str
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal = Decimal(0)
    cache_read_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    input_audio_usd_per_mtok: Decimal | None = None
    output_audio_usd_per_mtok: Decimal | None = None
    max_output_tokens: int | None = None
    context_window: int | None = None
    hidden_output: bool | None = None
    price_as: str = ""
    unit_usd: Mapping[str, Decimal] = field(default_factory=dict)


class PriceBook:
    """Prices by provider, model and time. Look-ups are cached, unknown names included.

    overrides: by model name, exactly as requests name it, or by `provider/model` where two
               providers have a model of one name; they win over the catalogue.
    providers: rows that say whose prices apply; without a row, those under the provider's own id.

    Raises ValueError for an override that is no finite, non-negative amount, and for a name that
    the catalogue was said to have and has not.
    """

    def __init__(
        self,
        overrides: Mapping[str, ModelOverride] | None = None,
        providers: Iterable[Provider] = (),
    ) -> None:
        self._overrides = dict(overrides or {})
        self._rows = {provider.id: provider for provider in providers}
        for provider in self._rows.values():
            if provider.price_as:
                with _naming(f"providers.{provider.id}.price_as"):
                    catalogue.check_seller(provider.price_as)
        for model, override in self._overrides.items():
            with _naming(f'models."{model}"'):
                Rates(_override_price(override))
                self._check_price_as(override)
        # Names come from agents, so both caches are bounded.
        self._find = lru_cache(maxsize=CACHE_SIZE)(catalogue.find)
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
        own = [
            name.removeprefix(f"{provider}/")
            for name, model in self._overrides.items()
            if model.provider == provider
        ]
        row = self._rows.get(provider)
        says_nothing = row is not None and (row.free or row.own_names)
        published = [] if says_nothing else catalogue.models(self._seller(provider))
        return list(dict.fromkeys(own + published))

    def _resolve(self, provider: str, model: str, at: datetime) -> Price | None:
        for key in (f"{provider}/{model}", model):
            override = self._overrides.get(key)
            if override is None or override.provider != provider:
                continue
            if override.input_usd_per_mtok is not None:
                return _from_override(provider, model, override)
            price = self._listed(provider, model, override.price_as, at)
            return _limited(price, override) if price else None
        row = self._rows.get(provider)
        if row is not None and row.free:
            return free(provider, model)
        if row is not None and row.own_names:
            return None
        names = dict(row.listed_as) if row is not None else {}
        return self._listed(provider, model, names.get(model, model), at)

    def _listed(self, provider: str, model: str, name: str, at: datetime) -> Price | None:
        """The catalogue's price for what it calls `name` and this provider's customers `model`."""
        seller, listed = catalogue.listed_as(self._seller(provider), name)
        found = self._find(seller, listed)
        return catalogue.price(provider, model, listed, found, at) if found else None

    def _seller(self, provider: str) -> str:
        row = self._rows.get(provider)
        return row.price_as if row and row.price_as else provider

    def _check_price_as(self, override: ModelOverride) -> None:
        if override.input_usd_per_mtok is not None:
            return
        if not override.price_as:
            raise ValueError("needs input_usd_per_mtok, or price_as with the catalogue's name")
        seller, listed = catalogue.listed_as(self._seller(override.provider), override.price_as)
        if catalogue.find(seller, listed) is None:
            raise ValueError(f"the price catalogue has no {override.price_as!r} of {seller}")


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Within it a ValueError names the key of aex.toml that it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _from_override(provider: str, model: str, override: ModelOverride) -> Price:
    hidden = override.hidden_output
    limit = override.max_output_tokens
    standard = Rates(_override_price(override))
    return Price(
        provider=provider,
        model=model,
        model_id=model,
        source="config",
        hidden_output=may_hide_output(provider, model) if hidden is None else hidden,
        max_output_tokens=max_output_tokens(provider, model) if limit is None else limit,
        input_window=override.context_window,
        standard=standard,
        by_service_tier=surcharged(standard, {}, surcharges(provider, model)),
    )


def _limited(price: Price, override: ModelOverride) -> Price:
    """The catalogue's price under the operator's limits."""
    hidden, longest = override.hidden_output, override.max_output_tokens
    window = override.context_window
    return replace(
        price,
        source=f"{price.source}, as {price.model_id} by config",
        hidden_output=price.hidden_output if hidden is None else hidden,
        max_output_tokens=price.max_output_tokens if longest is None else longest,
        input_window=price.input_window if window is None else window,
    )


def free(provider: str, model: str) -> Price:
    """The price of what costs nothing by the token."""
    return Price(
        provider=provider,
        model=model,
        model_id=model,
        source="free",
        hidden_output=False,
        max_output_tokens=None,
        input_window=None,
        standard=_FREE,
        by_service_tier={},
    )


def _override_price(override: ModelOverride) -> ModelPrice:
    sound = override.input_audio_usd_per_mtok
    return ModelPrice(
        input_mtok=override.input_usd_per_mtok,
        output_mtok=override.output_usd_per_mtok,
        cache_read_mtok=override.cache_read_usd_per_mtok,
        cache_write_mtok=override.cache_write_usd_per_mtok,
        input_audio_mtok=sound,
        # The catalogue wants a price for where the two meet; sound is the dearer.
        cache_audio_read_mtok=sound if override.cache_read_usd_per_mtok is not None else None,
        cache_audio_write_mtok=sound if override.cache_write_usd_per_mtok is not None else None,
        output_audio_mtok=override.output_audio_usd_per_mtok,
        **unit_prices(override.unit_usd),
    )
