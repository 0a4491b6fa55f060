"""A meter whose answer does not say at whose prices it was served, but whose call does.

Owns: putting a tier of prices (a region's) into what another meter reads.
Refuses to know: which tier, and what the answer holds.
"""

from __future__ import annotations

from dataclasses import replace

from providers.wire import Reading, Usage
from providers.wire_format import Meter


def at_tier(meter: Meter, tier: str | None) -> Meter:
    """The meter, with this tier in every usage that it reads; the meter itself without a tier."""
    return meter if tier is None else AtTier(meter, tier)


class AtTier:
    """The meter, with this tier in every usage that it reads."""

    def __init__(self, meter: Meter, tier: str) -> None:
        self._meter = meter
        self._tier = tier

    def feed(self, data: bytes) -> bytes:
        """As the meter does."""
        return self._meter.feed(data)

    def finish(self) -> bytes:
        """As the meter does."""
        return self._meter.finish()

    def reading(self) -> Reading:
        """What the meter reads, at the tier's prices."""
        found = self._meter.reading()
        return replace(
            found,
            usage=self._priced(found.usage),
            known=self._priced(found.known),
            running=self._priced(found.running),
        )

    def _priced(self, usage: Usage | None) -> Usage | None:
        return None if usage is None else replace(usage, service_tier=self._tier)
