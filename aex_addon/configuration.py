"""One configuration: what one reading of aex.toml came to; and the one that is in force.

Owns: joining settings, destinations, prices, aliases and policy, which are exchanged together or
not at all. A call keeps the configuration that it began with.
Refuses to know: when and by whom one is exchanged (reload.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aex_addon.aliases import Aliases, aliases
from aex_addon.known_secrets import Secrets
from aex_addon.policy.policy import NONE, Policy
from aex_addon.pricing import price_book
from aex_addon.routes import Routes, routes
from aex_addon.settings import Settings
from providers.prices import PriceBook


@dataclass(frozen=True, slots=True)
class Configuration:
    """Never changed."""

    settings: Settings
    routes: Routes
    prices: PriceBook
    aliases: Aliases
    policy: Policy = field(default=NONE, repr=False)


class InForce:
    """Holds the one that new calls begin with. `exchange` is the one place where it changes."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def __call__(self) -> Configuration:
        """The one that is in force now."""
        return self._configuration

    def exchange(self, configuration: Configuration) -> None:
        """From now on calls begin with this one."""
        self._configuration = configuration


def configure(
    settings: Settings, environ: Mapping[str, str], secrets: Secrets, at: datetime
) -> Configuration:
    """What the settings come to. Nothing is read but variables.

    Raises ConfigError with all mistakes of providers, else of prices, else of routes: each can be
    judged only where the one before it stands.
    """
    table = routes(settings.providers, environ, secrets, settings.mcp)
    prices = price_book(settings)
    return Configuration(settings, table, prices, aliases(settings, table, prices, at))
