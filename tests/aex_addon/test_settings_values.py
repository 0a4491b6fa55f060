"""Values: what each form of a setting takes, and what is said of what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aex_addon.home import Home
from aex_addon.settings_tables import (
    ModelSettings,
    ProviderSettings,
)
from tests.aex_addon.test_settings import home, mistakes

__all__ = ["home"]


def test_binary_fractions_are_no_money(home: Home) -> None:
    """A price without quotes is refused with the sentence that says to quote it."""
    (told,) = mistakes(home, '[models.m]\nprovider = "openai"\ninput_usd_per_mtok = 0.1')
    assert told.startswith("aex.toml:3: models.m.input_usd_per_mtok: ")
    assert "write the price in quotes" in told


@pytest.mark.parametrize("value", ["NaN", "-1", "1e999", "1e-40", "", "1000001", "0.15 usd"])
def test_money_has_limits(value: str) -> None:
    """A price is finite, not negative, and neither absurdly large nor absurdly fine."""
    with pytest.raises(ValidationError):
        ModelSettings(provider="openai", input_usd_per_mtok=value)


@pytest.mark.parametrize("value", [True, [1]])
def test_money_is_text_or_a_whole_number(value: Any) -> None:
    """Whole numbers are exact and taken; other types are refused."""
    assert ModelSettings(provider="x", input_usd_per_mtok=3).input_usd_per_mtok == 3
    with pytest.raises(ValidationError):
        ModelSettings(provider="x", input_usd_per_mtok=value)


def test_a_key_in_place_of_a_variable_is_not_repeated(home: Home) -> None:
    """Who writes the provider key itself is told so, and the key is not printed."""
    (told,) = mistakes(home, '[providers.openai]\napi_key_env = "sk-proj-0123"')
    assert "the name of an environment variable" in told
    assert "sk-proj" not in told


def test_hosts_are_what_a_ca_can_hold(home: Home) -> None:
    """An IP address cannot be governed by name, and is refused."""
    (told,) = mistakes(home, '[providers.openai]\nhosts = ["10.0.0.1"]')
    assert told.startswith("aex.toml:2: providers.openai.hosts: ")
    assert ProviderSettings(hosts=["API.Example.COM"]).hosts == ["api.example.com"]


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        ('["opnai"]', "no provider that AEX knows speaks 'opnai'; did you mean 'openai'?"),
        ('["klingon"]', "no provider that AEX knows speaks 'klingon'; known here: openai, "),
        ("[]", 'expected what it speaks, such as ["openai"]'),
        ('"openai"', "expected a list"),
    ],
)
def test_formats_are_named_by_who_speaks_them(home: Home, formats: str, told: str) -> None:
    """An unknown family is refused with the nearest, or with all that there are."""
    text = f'[providers.mine]\nupstream = "https://x.example"\nformats = {formats}'
    (line,) = mistakes(home, text)
    assert line.startswith(f"aex.toml:3: providers.mine.formats: {told}")


@pytest.mark.parametrize("value", ["", "two words", "host", "Content-Length", "x:y z", "a b: c"])
def test_a_key_has_a_header_of_its_own(home: Home, value: str) -> None:
    """A header that says something else of the request cannot hold the key."""
    (line,) = mistakes(home, f'[providers.mine]\nkey_header = "{value}"')
    assert line.startswith("aex.toml:2: providers.mine.key_header: ")
