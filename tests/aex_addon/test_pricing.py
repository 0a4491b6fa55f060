"""The operator's prices stand above the catalogue's."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from aex_addon.pricing import price_book
from aex_addon.settings import Settings

AT = datetime(2026, 11, 20, tzinfo=UTC)
OWN = {
    "provider": "openai",
    "input_usd_per_mtok": "1",
    "output_usd_per_mtok": "2",
    "cache_read_usd_per_mtok": "0.5",
    "cache_write_usd_per_mtok": "3",
    "input_audio_usd_per_mtok": "4",
    "output_audio_usd_per_mtok": "8",
    "max_output_tokens": 7,
    "context_window": 90,
    "hidden_output": False,
    "unit_usd": {"web_searches": "0.01"},
}


def test_every_key_of_a_model_is_heeded() -> None:
    """What aex.toml says of a model is what its calls cost; others keep the catalogue's price."""
    book = price_book(Settings.model_validate({"models": {"gpt-4o": OWN}}))
    own, other = book.price("openai", "gpt-4o", AT), book.price("openai", "gpt-4o-mini", AT)
    assert own.source == "config"
    assert other.source.startswith("catalogue")
    assert (own.max_output_tokens, own.input_window, own.hidden_output) == (7, 90, False)
    units: tuple[str, ...] = (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
    )
    units += ("input_audio_tokens", "output_audio_tokens")
    assert [own.standard.per_unit(unit) for unit in (*units, "web_searches")] == [
        *(Decimal(usd) / 10**6 for usd in ("1", "2", "0.5", "3", "4", "8")),
        Decimal("0.01"),
    ]


def test_own_models_are_listed_first() -> None:
    """A name of one's own is known beside those of the catalogue, each name once."""
    book = price_book(Settings.model_validate({"models": {"mine": OWN, "gpt-4o": OWN}}))
    names = book.models("openai")
    assert names[:2] == ["mine", "gpt-4o"]
    assert len(names) == len(set(names))
    assert "gpt-4o-mini" in names
    assert book.models("nobody") == []
