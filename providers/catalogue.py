"""The price catalogue, genai-prices, as installed; nothing is fetched.

Owns: finding a model in it, and reading its prices. Refuses to know: the operator's own prices.

Where a provider resells another's models, the catalogue itself may say whose price applies (Azure
takes OpenAI's); that one step is accepted and named in `source`, and no other provider's price is
ever used unless a row names it.
"""

from __future__ import annotations

import difflib
from datetime import datetime
from importlib.metadata import version

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, Provider

from providers import bedrock_regions, vertex_regions
from providers.claude_models import surcharges
from providers.model_limits import context_window, max_output_tokens, may_hide_output
from providers.price import Price
from providers.rates import Rates, surcharged

CATALOGUE = f"catalogue genai-prices {version('genai-prices')}"

# In a row's `price_as`: what follows the last colon of a model's name.
SUFFIX = "{suffix}"

# The catalogue files prices of other tiers under these keys; their values do not overlap.
_TIER_KEYS = ("service_tier", "speed", "processing")

Found = tuple[Provider, ModelInfo]


def check_seller(price_as: str) -> None:
    """Raises ValueError, with the nearest right name, for a provider that is not listed."""
    listed = [entry.id for entry in get_snapshot().providers]
    if SUFFIX in price_as or price_as in listed:
        return
    near = difflib.get_close_matches(price_as, listed, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"the price catalogue has no provider {price_as!r}{hint}")


def listed_as(price_as: str, model: str) -> tuple[str, str]:
    """Provider and model as the catalogue names them; no provider where the name leaves it open."""
    if SUFFIX not in price_as:
        return price_as, model
    name, colon, suffix = model.rpartition(":")
    return (price_as.replace(SUFFIX, suffix), name) if colon else ("", model)


def models(price_as: str) -> list[str]:
    """The names under which customers of a provider with these prices ask for its models."""
    before, open_, after = price_as.partition(SUFFIX)
    found = []
    for entry in get_snapshot().providers:
        suffix = entry.id.removeprefix(before).removesuffix(after) if open_ else ""
        if price_as.replace(SUFFIX, suffix) == entry.id:
            names = map(_asked_as, entry.models)
            found += [f"{name}:{suffix}" if open_ else name for name in names]
    return found


def _asked_as(info: ModelInfo) -> str:
    """A name that finds the model; its id need not be one."""
    if info.is_match(info.id):
        return info.id
    clauses = info.match.or_ if isinstance(info.match, ClauseOr) else [info.match]
    return next((c.equals for c in clauses if isinstance(c, ClauseEquals)), info.id)


def find(seller: str, listed: str) -> Found | None:
    """The catalogue's entries, None if it has none."""
    # The snapshot's own look-up remembers every name it was ever asked for, without bound.
    snapshot = get_snapshot()
    entry = find_provider_by_id(snapshot.providers, seller)
    info = entry.find_model(listed, all_providers=snapshot.providers) if entry else None
    return (entry, info) if entry and info else None


def price(provider: str, model: str, listed: str, found: Found, at: datetime) -> Price | None:
    """What was found as the price of `model` at `provider`; None if it says nothing usable."""
    entry, info = found
    is_own = any(info is own for own in entry.models)
    try:
        standard = Rates(info.get_prices(at))
        # A reseller has the other's prices, not the other's service tiers.
        tiers = {
            tier: Rates(info.get_prices(at, {key: tier}))
            for key, tier in (_service_tiers(info) if is_own else ())
        }
    except (ValueError, IndexError, KeyError):
        return None
    # What the operator has priced is priced for the regions that they use; this is for one region.
    factors = {
        **surcharges(provider, model),
        **bedrock_regions.surcharges(provider),
        **vertex_regions.surcharges(provider),
    }
    # No price at all means a subscription or a free endpoint; neither may pass as costing nothing.
    if not standard.any_price:
        return None
    return Price(
        provider=provider,
        model=model,
        model_id=info.id,
        source=CATALOGUE if is_own else f"{CATALOGUE}, at the model's own provider",
        hidden_output=may_hide_output(entry.id, listed),
        max_output_tokens=max_output_tokens(entry.id, listed),
        input_window=_window(info.context_window) or context_window(entry.id, listed),
        standard=standard,
        by_service_tier=surcharged(standard, tiers, factors),
    )


def _service_tiers(info: ModelInfo) -> set[tuple[str, str]]:
    variants = info.price_variants or ()
    return {
        (key, variant.when[key])
        for variant in variants
        for key in _TIER_KEYS
        if variant.when.keys() == {key}
    }


def _window(window: int | None) -> int | None:
    """The catalogue rounds windows (1 000 000 for 1 047 576), by at most 2**20 / 10**6."""
    return None if window is None else -(-window * 105 // 100)
