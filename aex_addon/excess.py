"""Excess: has the provider of a stream gone beyond what the call was granted?

Owns: what shows that, so surely that an honest answer is never ended for it.
Refuses to know: how a call is ended, how it is booked then.

The provider holds the cap that was written into the request, so an honest answer never gets here.
It is shown by the provider's own count, if that costs more than the reserve and still output
follows it; or by output that no tokens up to the cap can be. What a meter counts as delivered is
above the tokens, about fourfold for text, so it is held to the most that the cap's tokens can be
counted as, not to the cap.
"""

from __future__ import annotations

import math

from aex_addon.inflight import InFlight

# No token of a published vocabulary is longer than 128 bytes, and an API that tells its text again
# at the end of a part, an item and the answer tells it at most five times. What a meter counts
# beside the text (names, ids, a little per event) stays within the rest. Sound and pictures come
# as base64: a token is 50 ms of sound, 2400 bytes of it; pictures come several times over.
DELIVERED_PER_TOKEN_MAX = 1024
DELIVERED_PER_MEDIA_TOKEN_MAX = 16 * 1024
DELIVERED_BESIDE_MAX = 16 * 1024
# Events that nobody can read are no answer, however much an answer may hold.
UNREAD_MAX = 64 * 1024 * 1024


def exceeded(call: InFlight, unread: int = 0) -> bool:
    """True once it is shown; noted in the call. Asked again and again as the stream goes on.

    `unread` bytes of what a meter counts were of events too large to be read, which show nothing
    but that they are no answer.
    """
    price, meter = call.appraisal.price, call.meter
    if price is None or meter is None or call.unread or not call.appraisal.facts.stream:
        return False
    reading = meter.reading()
    if reading.complete:
        return False
    delivered = reading.output_tokens_max - unread
    told = reading.usage or reading.running or reading.known
    if told is None or price.bill(told) <= call.admitted.reserved_nanousd:
        call.told_at = None
    elif call.told_at is None:
        call.told_at = delivered
    beyond = call.told_at is not None and delivered > call.told_at
    call.outgrown = beyond or delivered > _deliverable(call) or unread > UNREAD_MAX
    return call.outgrown


def _deliverable(call: InFlight) -> float:
    """The most that a meter can count of an answer within its cap."""
    facts = call.appraisal.facts
    if call.appraisal.server_calls or facts.charges or facts.model_runs_max:
        # The provider's own tools deliver what is no output, and further runs have their own.
        return math.inf
    each = DELIVERED_PER_TOKEN_MAX
    if facts.modalities != {"text"}:
        each = DELIVERED_PER_MEDIA_TOKEN_MAX
    cap = call.admitted.output_tokens_cap * call.appraisal.quote.choices
    return cap * each + DELIVERED_BESIDE_MAX
