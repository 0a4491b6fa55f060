"""Catalogue models for property tests: many kinds of prices, the same ones in each run."""

from __future__ import annotations

from datetime import UTC, datetime

from genai_prices.data_snapshot import get_snapshot

from providers.price import Price
from providers.prices import PriceBook
from providers.unquotable import UnknownPrice

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PROVIDERS = ("openai", "anthropic", "google", "deepseek", "groq", "mistral", "x-ai", "perplexity")


def model_ids(provider: str) -> list[str]:
    """The catalogue's own names of a provider's models."""
    entry = next(each for each in get_snapshot().providers if each.id == provider)
    return [info.id for info in entry.models]


def priced(every: int = 1) -> list[Price]:
    """Prices of every n-th model of the providers above, those without one of tokens left out."""
    book, prices = PriceBook(), []
    for provider in PROVIDERS:
        for model in model_ids(provider)[::every]:
            try:
                found = book.price(provider, model, AT)
            except UnknownPrice:
                continue
            if found.standard.prices("input_mtok"):
                prices.append(found)
    return prices
