"""Settings, destinations, prices and aliases are judged together and exchanged together."""

from __future__ import annotations

from typing import Any

import pytest

from aex_addon.clock import utc_now
from aex_addon.configuration import Configuration, InForce, configure
from aex_addon.known_secrets import Secrets
from aex_addon.settings import Settings
from aex_addon.settings_values import ConfigError


def made(environ: dict[str, str] | None = None, **data: Any) -> Configuration:
    settings = Settings.model_validate(data)
    return configure(settings, environ or {}, Secrets(), utc_now())


def test_one_reading_comes_to_one_configuration() -> None:
    """Each part is made of the same settings."""
    price = {"provider": "openai", "input_usd_per_mtok": "1"}
    found = made(models={"mine": price}, routes={"fast": {"to": ["openai/mine"]}})
    assert "mine" in found.prices.models("openai")
    assert [alias.name for alias in found.aliases] == ["fast"]
    assert found.routes.by_id("openai") is not None


def test_secrets_that_are_known_stay_known() -> None:
    """A key that was replaced may still be good, so it is still taken out of logs."""
    secrets = Secrets()
    for key in ("first-canary", "second-canary"):
        configure(Settings(), {"OPENAI_API_KEY": key}, secrets, utc_now())
    assert secrets.blot("first-canary second-canary") == "[key] [key]"


@pytest.mark.parametrize(
    "data",
    [
        {"providers": {"nope": {}}},
        {"models": {"m": {"provider": "nope"}}},
        {"routes": {"r": {"to": ["nope/x"]}}},
    ],
)
def test_what_cannot_be(data: dict[str, Any]) -> None:
    """A mistake in any of its parts is one of the configuration."""
    with pytest.raises(ConfigError, match="nope"):
        made(**data)


def test_which_one_is_in_force() -> None:
    """The one that was put in force last."""
    first, second = made(), made(drain_seconds=1)
    in_force = InForce(first)
    assert in_force() is first
    in_force.exchange(second)
    assert in_force() is second
