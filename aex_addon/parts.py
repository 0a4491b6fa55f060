"""What the pipeline and its neighbours are joined from.

Owns: one record. Refuses to know: how its parts are made (assembly.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aex_addon import clock
from aex_addon.books import Books
from aex_addon.configuration import Configuration, InForce
from aex_addon.destinations import Destinations
from aex_addon.idempotency import Vault
from aex_addon.identity import Identity
from aex_addon.settings import Settings
from aex_addon.tracing import Silent, Tracer
from web.observed import Observed


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each in a gateway."""

    in_force: InForce
    books: Books
    destinations: Destinations
    identity: Identity
    vault: Vault
    gateway: str
    now: Callable[[], datetime] = clock.utc_now
    observed: Observed = field(default_factory=Observed)
    tracer: Tracer = field(default_factory=Silent)

    @property
    def configuration(self) -> Configuration:
        """What holds for calls that begin now."""
        return self.in_force()

    @property
    def settings(self) -> Settings:
        """What the operator decides, as of now."""
        return self.in_force().settings
