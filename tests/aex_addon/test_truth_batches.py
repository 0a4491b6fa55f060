"""The law of booking for batches: the bound from the moment one begins, and its bill once results
tell it whole. A call that is told exactly, or not at all: nothing in between is booked.

What a new batch is booked at stands in test_truth.py; here are the answers that correct it, ended
in every way at every line. The rows stand in the same table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from aex_addon.appraisal import Appraisal
from aex_addon.bulks import Bulks
from aex_addon.inflight import Due, InFlight
from ledger.commands import BillBulk, NoteResults
from ledger.outcomes import Admitted
from ledger.state import Bulk as KeptBulk
from providers.bulk import Bulk, BulkCall, BulkFacts
from providers.bulk_price import Bill, Tally, quote
from providers.price import Price
from providers.prices import PriceBook
from providers.registry import FORMATS
from tests.aex_addon.truth import AT, ENDINGS, PIECES
from tests.aex_addon.truth import Tally as Row
from tests.providers.batches import CHAT, MODEL, bulk
from tests.providers.recorded import Recorded, recorded
from tests.providers.usage_bent import bent
from tests.tables import TABLE

CLAUDE, OPEN = "claude-haiku-4-5", "openai/gpt-oss-120b"
# As many calls as results would be if each came twice; those of Anthropic are told one by one.
# Of the recorded results: 30 tokens in and 12 out, of Claude 11 and 7, at the prices of batches.
BATCHES = {
    "openai_batches": (bulk(4, CHAT, MODEL), 30 * 75 + 12 * 300),
    "groq_batches": (bulk(4, CHAT, OPEN), 30 * 75 + 12 * 300),
    "anthropic_batches": (bulk(3, "/v1/messages/batches", CLAUDE), 11 * 500 + 7 * 2500),
}
KINDS = ("present", "absent", "null", "repeated")
# Where a look at a batch that has ended tells what it came to; Anthropic's does not.
LOOKS = {"openai_batches": "completed", "groq_batches": "completed"}
NAMES = tuple(BATCHES)
_BOOK = PriceBook()


def prices(provider: str) -> Callable[[str], Price]:
    """Of its models."""
    return lambda model: _BOOK.price(provider, model, AT)


class Known:
    """The books, which know of one batch."""

    def __init__(self, provider: str, terms: Bulk) -> None:
        self._kept = KeptBulk(f"{provider}/b", "batch", "ex_1", terms.text(), "", 0)

    async def call(self, _asked: object) -> tuple[KeptBulk, int]:
        """It was begun when the prices were those of the tests."""
        return self._kept, round(AT.timestamp()) * 10**9


class Always:
    """A catalogue as it was at one time."""

    def price(self, provider: str, model: str, _at: datetime) -> Price:
        """Its price then."""
        return _BOOK.price(provider, model, AT)


def of(name: str, case: str) -> Recorded:
    """A recorded call."""
    return next(each for each in recorded(name) if each.case.name == case)


def reading(one: Recorded, name: str, *, due: bool) -> InFlight:
    """A call that reads of a batch, once its answer's headers are here."""
    terms, call = BATCHES[name][0], one.call
    facts = one.wire_format.read(BulkCall.about(call, terms.text(), ""))
    assert isinstance(facts, BulkFacts)
    inflight = InFlight(Admitted("ex_2", "bot", 0, 0), Appraisal(facts), call.provider, True)
    inflight.status = 200
    inflight.meter = one.wire_format.meter(facts, 200, one.content_type)
    if due:
        inflight.due = Due(f"{call.provider}/b", Bill(terms, prices(call.provider)))
        inflight.meter = Tally(inflight.meter, inflight.due.bill)
    return inflight


def corrections(inflight: InFlight, terms: Bulk) -> list[int]:
    """The bills (nano-dollars) that the ledger is told of now."""
    configuration = SimpleNamespace(prices=Always())
    parts: Any = SimpleNamespace(books=Known(inflight.provider, terms), configuration=configuration)
    told: list[NoteResults | BillBulk] = asyncio.run(Bulks(parts).told(inflight))
    return [each.actual_nanousd for each in told if isinstance(each, BillBulk)]


def ends(inflight: InFlight, terms: Bulk, chunks: list[bytes]) -> Iterator[tuple[str, list[int]]]:
    """The corrections with which the answer ends, in every way at every chunk."""
    meter, status = inflight.meter, inflight.status
    assert meter is not None
    inflight.status = 0
    for ending in ("RST before headers", "timeout"):
        yield ending, corrections(inflight, terms)
    inflight.status = status
    for ending in ("RST after headers", "client gone"):
        yield ending, corrections(inflight, terms)
    for chunk in chunks:
        half = len(chunk) // 2
        meter.feed(chunk[:half])
        yield "RST mid-chunk", corrections(inflight, terms)
        meter.feed(chunk[half:])
        for ending in ("client gone", "timeout"):
            yield ending, corrections(inflight, terms)
    meter.finish()
    yield "complete", corrections(inflight, terms)


def tallied(name: str, kind: str, one: Recorded, *, due: bool) -> Row | None:
    """One row; None where such an answer cannot tell its usage so."""
    terms, bill = BATCHES[name]
    chunks, row = bent(one.case.answer, kind), Row()
    if chunks is None:
        return None
    if len(chunks) == 1:
        size = -(-len(chunks[0]) // PIECES)
        chunks = [chunks[0][at : at + size] for at in range(0, len(chunks[0]), size)]
    bound, _ = quote(terms, prices(one.call.provider))
    for ending, found in ends(reading(one, name, due=due), terms, chunks):
        whole = ending == "complete" and kind == "present"
        if found != ([bill] if whole else []) or not bill <= bound:
            row.broken.append(f"{ending}: bound {bound}, bill {bill}, booked {found}")
        (row.exact if found else row.bounded)[ending] += 1
    return row


def record(
    record_property: Callable[[str, Any], None], name: str, answer: str, kind: str, row: Row
) -> None:
    """Adds a row to the table."""
    columns = ("format", "answer", "usage", *ENDINGS)
    cells = (name, answer, kind, *row.cells())
    record_property(TABLE, ["Booked: = billed, ≤ within its bounds", columns, cells])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_results(name: str, kind: str, record_property: Callable[[str, Any], None]) -> None:
    """They are a bill once all are read, each once; until then, and else, the bound stands."""
    row = tallied(name, kind, of(name, "results"), due=True)
    assert row is not None
    assert row.broken == []
    record(record_property, name, "results", kind, row)


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("name", LOOKS)
def test_a_look(name: str, kind: str, record_property: Callable[[str, Any], None]) -> None:
    """A batch that has ended tells what it came to, or where its results stand."""
    row = tallied(name, kind, of(name, LOOKS[name]), due=False)
    assert row is not None
    assert row.broken == []
    record(record_property, name, "look", kind, row)


def test_every_format_of_batches_is_in_the_table() -> None:
    """All others are in test_truth.py."""
    assert {each.name for each in FORMATS if each.name.endswith("_batches")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_bill_that_is_not_whole_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table can fail: where a part is billed as if it were all, and where less is billed."""
    one = of(name, "results")
    total = Tally.total
    monkeypatch.setattr(Tally, "total", lambda tally: (tally._bill.nanousd, {}))
    broken = tallied(name, "present", one, due=True)
    monkeypatch.setattr(Tally, "total", lambda tally: (found := total(tally)) and (1, found[1]))
    less = tallied(name, "present", one, due=True)
    assert broken is not None
    assert less is not None
    assert broken.broken
    assert less.broken
