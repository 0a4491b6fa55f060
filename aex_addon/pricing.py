"""The price book of this installation: the catalogue under the operator's own prices.

Owns: turning [models."NAME"] of aex.toml into overrides.
Refuses to know: what a price is made of (providers), which call asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aex_addon.provider_rows import rows
from aex_addon.settings import Settings
from aex_addon.settings_tables import ModelSettings
from aex_addon.settings_values import ConfigError
from providers.prices import ModelOverride, PriceBook
from providers.provider import Provider


def price_book(settings: Settings) -> PriceBook:
    """Prices as configured. Raises ConfigError for a price that cannot be, or is of nobody."""
    providers = {row.provider.id: row.provider for row in rows(settings.providers, settings.mcp)}
    strange = tuple(
        f'aex.toml: models."{name}": no provider is called {model.provider!r}'
        for name, model in settings.models.items()
        if model.provider not in providers
    )
    if strange:
        raise ConfigError(strange)
    overrides = {name: _override(model) for name, model in settings.models.items()}
    try:
        return PriceBook(overrides, providers.values())
    except ValueError as error:
        problems = dict.fromkeys(_mistakes(overrides, list(providers.values())))
        raise ConfigError(tuple(f"aex.toml: {each}" for each in problems)) from error


def _mistakes(
    overrides: Mapping[str, ModelOverride], providers: Sequence[Provider]
) -> Iterator[str]:
    """All of them; a price book tells its first."""
    books: list[tuple[dict[str, ModelOverride], Sequence[Provider]]] = [
        *(({}, [provider]) for provider in providers),
        *(({name: override}, providers) for name, override in overrides.items()),
    ]
    for priced, rows_of_it in books:
        try:
            PriceBook(priced, rows_of_it)
        except ValueError as error:
            yield str(error)


def _override(model: ModelSettings) -> ModelOverride:
    return ModelOverride(
        provider=model.provider,
        price_as=model.price_as or "",
        input_usd_per_mtok=model.input_usd_per_mtok,
        output_usd_per_mtok=model.output_usd_per_mtok,
        cache_read_usd_per_mtok=model.cache_read_usd_per_mtok,
        cache_write_usd_per_mtok=model.cache_write_usd_per_mtok,
        input_audio_usd_per_mtok=model.input_audio_usd_per_mtok,
        output_audio_usd_per_mtok=model.output_audio_usd_per_mtok,
        max_output_tokens=model.max_output_tokens,
        context_window=model.context_window,
        hidden_output=model.hidden_output,
        unit_usd=model.unit_usd,
    )
