"""A meter at the prices of a tier that only the call knows."""

from __future__ import annotations

from providers.repriced import at_tier
from providers.wire import Reading, Usage

USAGE = Usage({"input_tokens": 3}, "m", "told")


class Told:
    """A meter that has read all there is, and passes half of what it is fed."""

    def feed(self, data: bytes) -> bytes:
        return data[: len(data) // 2]

    def finish(self) -> bytes:
        return b"rest"

    def reading(self) -> Reading:
        return Reading(USAGE, 7, True, known=USAGE, running=USAGE, stored=("id", 4), status=200)


def test_only_the_tier_changes() -> None:
    """Counts, bytes and all else are the meter's own; without a tier it is the meter itself."""
    meter = at_tier(Told(), "regional")
    assert (meter.feed(b"abcd"), meter.finish()) == (b"ab", b"rest")
    usage = Usage(USAGE.counts, "m", "regional")
    assert meter.reading() == Reading(
        usage, 7, True, known=usage, running=usage, stored=("id", 4), status=200
    )
    plain = Told()
    assert at_tier(plain, None) is plain


def test_what_is_not_told_stays_so() -> None:
    """No usage is made up."""

    class Silent(Told):
        def reading(self) -> Reading:
            return Reading(None, 7, False)

    assert at_tier(Silent(), "regional").reading() == Reading(None, 7, False)
