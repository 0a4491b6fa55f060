"""What the pipeline and its neighbours are joined from.

Owns: one record. Refuses to know: how its parts are made (assembly.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aex_addon import clock
from aex_addon.books import Books
from aex_addon.destinations import Destinations
from aex_addon.idempotency import Vault
from aex_addon.identity import Identity
from aex_addon.routes import Routes
from aex_addon.settings import Settings
from providers.prices import PriceBook


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each in a gateway."""

    settings: Settings
    routes: Routes
    prices: PriceBook
    books: Books
    destinations: Destinations
    identity: Identity
    vault: Vault
    gateway: str
    now: Callable[[], datetime] = clock.utc_now
