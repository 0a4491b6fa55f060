"""A call simulated from its answer's bytes to its booking, with every way in which it can end.

Owns: the law. Where the provider's usage was seen, booked = billed; where it was not,
billed <= booked <= reserved.
Refuses to know: any one format, sockets (tests/end_to_end has those).

What is billed in a simulation is what was recorded; of a stream that breaks off, the recorded input
and the output up to there, by the share of its bytes. A provider bills no more than what it was
granted, so recorded counts that could not come from the recorded request are cut to the grant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from aex_addon.appraisal import Appraisal, appraise
from aex_addon.inflight import Ending, InFlight
from aex_addon.pricing import price_book
from aex_addon.settings import Settings
from ledger.commands import Commit
from ledger.outcomes import Admitted
from providers.wire import Usage
from providers.wire_format import Meter
from tests.providers.recorded import Recorded
from tests.providers.usage_bent import bent

AT = datetime(2026, 11, 20, tzinfo=UTC)
TOOLS = {"url": "https://mcp.example.com/mcp", "default_usd": "0.01"}
SETTINGS = Settings.model_validate({"server_calls_max": 3, "mcp": {"mcp": TOOLS}})
ENDINGS = (
    *("complete", "client gone", "RST before headers", "RST after headers", "RST mid-chunk"),
    "timeout",
)
# How many pieces a whole document comes in.
PIECES = 8


@dataclass(frozen=True)
class End:
    """One end of one simulated call.

    sent:  False where not even the answer's headers came.
    share: how much of the answer had come, in thousandths.
    """

    ending: str
    booked: Commit
    sent: bool
    share: int
    told: Usage | None


@dataclass
class Tally:
    """What was found for one row of the table: how many were booked exactly, and within bounds."""

    exact: Counter[str] = field(default_factory=Counter)
    bounded: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        cells = []
        for ending in ENDINGS:
            counted = (self.exact[ending], self.bounded[ending])
            marks = [f"{n}{mark}" for n, mark in zip(counted, "=≤", strict=True) if n]
            cells.append(" ".join(marks) or "-")
        return cells


@cache
def settings_of(recorded: Recorded) -> Settings:
    """What a gateway must be told to take the call: a price, where nothing else says one."""
    found = appraise(recorded.call, recorded.spoken, price_book(SETTINGS), SETTINGS, AT)
    if found.refusal is None or found.refusal.code != "model_unpriced":
        return SETTINGS
    units = recorded.facts.server_units | recorded.facts.charges.keys()
    model = {
        "provider": recorded.call.provider,
        "input_usd_per_mtok": "0.15",
        "output_usd_per_mtok": "0.60",
        "max_output_tokens": 16_384,
        "context_window": 128_000,
        "unit_usd": dict.fromkeys(units, "0.01"),
    }
    models = {str(recorded.facts.model): model}
    return Settings.model_validate({**SETTINGS.model_dump(mode="json"), "models": models})


def appraisal_of(recorded: Recorded) -> Appraisal:
    """The appraisal of the call by such a gateway."""
    settings = settings_of(recorded)
    found = appraise(recorded.call, recorded.spoken, price_book(settings), settings, AT)
    assert found.refusal is None, (recorded.name, found.refusal)
    return found


def call_of(recorded: Recorded, appraisal: Appraisal, told: bool = True) -> InFlight:
    """The call as it is once its answer's headers are here; `told` if they may tell the usage."""
    cap = appraisal.quote.output_tokens_cap
    admitted = Admitted("ex_1", "bot", appraisal.quote.cost(cap), cap)
    call = InFlight(admitted, appraisal, recorded.call.provider, dispatched=True)
    call.status, call.meter = recorded.status, recorded.meter(told)
    return call


def chunks_of(recorded: Recorded, kind: str) -> list[bytes] | None:
    """The answer as it comes: event by event, or a document in pieces."""
    chunks = bent(recorded.case.answer, kind)
    if chunks is None or len(chunks) != 1:
        return chunks
    size = max(len(chunks[0]) // PIECES, 1)
    return [chunks[0][at : at + size] for at in range(0, len(chunks[0]), size)]


def ends(call: InFlight, chunks: list[bytes]) -> Iterator[End]:
    """The call's bookings, ended in every way at every place; the meter is fed once."""
    meter, total, fed = call.meter, sum(map(len, chunks)), 0
    assert meter is not None
    status, call.status = call.status, 0
    yield ended(call, "RST before headers", "broken", 1000, meter)
    yield ended(call, "timeout", "broken", 1000, meter)
    call.status = status
    yield ended(call, "RST after headers", "broken", 0, meter)
    yield ended(call, "client gone", "broken", 0, meter)
    for chunk in chunks:
        half = len(chunk) // 2
        meter.feed(chunk[:half])
        yield ended(call, "RST mid-chunk", "broken", share_of(fed + half, total), meter)
        meter.feed(chunk[half:])
        fed += len(chunk)
        for ending in ("client gone", "timeout"):
            yield ended(call, ending, "broken", share_of(fed, total), meter)
    meter.finish()
    yield ended(call, "complete", "complete", 1000, meter)


def share_of(fed: int, total: int) -> int:
    """How much of so many bytes had come, in thousandths."""
    return 1000 * fed // max(total, 1)


def ended(call: InFlight, ending: str, how: Ending, share: int, meter: Meter) -> End:
    """The call's booking if it ended now."""
    booked = call.end(how)
    assert isinstance(booked, Commit), (ending, booked)
    told = meter.reading().usage if call.status else None
    return End(ending, booked, bool(call.status), share, told)


def judge(call: InFlight, end: End, recorded: Usage | None, stream: bool) -> str:
    """What is wrong with a booking; "" where the law holds. Without recorded usage nothing is
    known of the bill, and only the upper law is held."""
    price, reserved = call.appraisal.price, call.admitted.reserved_nanousd
    assert price is not None
    booked = reserved if end.booked.actual_nanousd is None else end.booked.actual_nanousd
    if end.told is not None:
        bill = price.bill(end.told)
        if end.ending == "complete" and recorded is not None:
            bill = price.bill(recorded)
        exact = booked == bill and end.booked.certainty == "exact"
        return "" if exact else f"{end.ending}: billed {bill}, booked {booked}"
    if booked > reserved:
        return f"{end.ending}: booked {booked}, reserved {reserved}"
    if recorded is None:
        return ""
    whole = not (stream and end.sent)
    billed = least_billed(call, recorded, 1000 if whole else end.share)
    if min(billed, reserved) > booked:
        return f"{end.ending} at {end.share}: billed {billed}, booked {booked}"
    return ""


def least_billed(call: InFlight, recorded: Usage, share: int) -> int:
    """What the provider bills for what was recorded, of the output only a share."""
    price, quote = call.appraisal.price, call.appraisal.quote
    assert price is not None
    if recorded.cost_usd is not None:
        return math.floor(recorded.cost_usd * 10**6 * share)
    most = {
        "input_tokens": call.appraisal.input_tokens,
        "output_tokens": call.admitted.output_tokens_cap * quote.choices,
    }
    counts = {
        name: min(count, most[name]) for name, count in recorded.counts.items() if name in most
    }
    counts["output_tokens"] = math.ceil(counts.get("output_tokens", 0) * share / 1000)
    return price.bill(Usage(counts, recorded.model, recorded.service_tier))


def simulate(recorded: Recorded, kind: str, tally: Tally) -> None:
    """Adds all ends of one recorded call to a row."""
    chunks = chunks_of(recorded, kind)
    if chunks is None:
        return
    usage = recorded.usage
    if usage is None and kind != "present":
        return
    call = call_of(recorded, appraisal_of(recorded), kind not in ("absent", "null"))
    for end in ends(call, chunks):
        problem = judge(call, end, usage, recorded.facts.stream)
        if problem:
            tally.broken.append(f"{recorded.case.name}, {kind}: {problem}")
        (tally.bounded if end.told is None else tally.exact)[end.ending] += 1
