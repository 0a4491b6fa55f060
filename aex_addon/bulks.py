"""Batches and files in a running gateway: what is known of one, and what an answer tells of it.

Owns: looking a batch or a file up before a call about it is read, and the commands by which the
ledger learns of a new one, of where its results stand, and of its bill.
Refuses to know: APIs (providers/), how a batch is booked (ledger/bulks.py).

Results are billed only where they came whole, to the end of the answer. Whoever fetches them
again, anywhere, has them billed if they were not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from mitmproxy import http

from aex_addon.appraisal import Appraisal, appraise
from aex_addon.configuration import Configuration
from aex_addon.doors import DOOR
from aex_addon.inflight import Due, InFlight
from aex_addon.parts import Parts
from ledger.commands import BillBulk, Commit, Kept, NoteResults, Release
from ledger.errors import LedgerError
from providers.bulk import Bulk, BulkCall, BulkFacts, Named, NamesKept, News, tells_news
from providers.bulk_price import Bill, Tally, total
from providers.price import Price
from providers.registry import find
from providers.unquotable import Unquotable
from providers.wire import Call, Refused

logger = logging.getLogger("aex.bulks")

_WHOLE = "the results of the batch were read"
_TOLD = "the provider told what the batch came to"
_NOTHING = "the batch has ended, and nothing of it is billed"

# A larger body is read beside the event loop: a batch may be a hundred thousand calls.
_AT_ONCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """A file, or a batch whose bill is still to come; `begun_at` (ns) says at which prices."""

    ref: str
    bulk: Bulk
    begun_at: int


class Bulks:
    """One of a gateway; the pipeline asks it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def recalled(
        self, flow: http.HTTPFlow, call: Call, formats: Sequence[str]
    ) -> tuple[Call, Due | None]:
        """The call with what is known of the file or batch it names, and the bill it may bring."""
        if "/batches" not in call.path and "/files" not in call.path:
            return call, None
        wire_format = find(call, formats)
        if wire_format is None or not isinstance(wire_format, NamesKept):
            return call, None
        asked = ""
        if flow.metadata[DOOR] == "base-url":
            path = flow.request.path.partition("?")[0]
            asked = f"{flow.request.scheme}://{flow.request.host_header or ''}{path}"
        try:
            named = wire_format.names(call)
        except Refused:
            named = None
        found = await self._look_up(call.provider, named) if named else None
        if named is None or found is None:
            return BulkCall.about(call, "", asked), None
        due = None
        if named.kind != "file":
            try:
                due = Due(found.ref, Bill(found.bulk, self._prices(found)))
            except Unquotable as unknown:
                logger.error("the batch %s stays at its bound: %s", found.ref, unknown)
        return BulkCall.about(call, found.bulk.text(), asked), due

    async def appraised(
        self, call: Call, formats: Sequence[str], configuration: Configuration
    ) -> Appraisal:
        """As `appraise`; beside the event loop where that takes long."""
        prices, settings, now = configuration.prices, configuration.settings, self._parts.now()
        judge = partial(appraise, call, formats, prices, settings, now)

        if isinstance(call, BulkCall) and len(call.body) > _AT_ONCE:
            return await asyncio.to_thread(judge)
        return judge()

    async def _look_up(self, provider: str, named: Named) -> _Known | None:
        ref, by_results = f"{provider}/{named.id}", named.kind == "results"
        kind = "file" if named.kind == "file" else "batch"
        found = await self._parts.books.call(lambda store: store.bulk(ref, by_results=by_results))
        if found is None or found[0].kind != kind or found[0].settled_at:
            return None
        try:
            return _Known(found[0].ref, Bulk.of(found[0].terms), found[1])
        except (ValueError, LookupError, TypeError):
            logger.error("the terms of %s are of another program and cannot be read", ref)
            return None

    def _prices(self, known: _Known) -> Callable[[str], Price]:
        provider = known.ref.partition("/")[0]
        at = datetime.fromtimestamp(known.begun_at // 10**9, UTC)
        prices = self._parts.configuration.prices
        return lambda model: prices.price(provider, model, at)

    def kept(self, inflight: InFlight, command: Commit | Release) -> Commit | Release:
        """The command, with what the provider keeps of a call that carried many."""
        facts, meter = inflight.appraisal.facts, inflight.meter
        if not isinstance(command, Commit) or not isinstance(facts, BulkFacts):
            return command
        if facts.bulk is None or not tells_news(meter):
            return command
        batch = facts.kind == "metered"
        made = next((news for news in meter.news() if news.made), None)
        if made is None or (batch and inflight.appraisal.price is None):
            return command
        kind, ref = "batch" if batch else "file", f"{inflight.provider}/{made.id}"
        return replace(command, kept=Kept(ref, kind, facts.bulk.text()))

    async def told(self, inflight: InFlight) -> list[NoteResults | BillBulk]:
        """What else the ledger is to know, now that an answer has ended."""
        meter, due = inflight.meter, inflight.due
        unseen = inflight.unread or (inflight.decoder is not None and inflight.decoder.failed)
        if inflight.status != 200 or unseen:
            return []
        if due is not None and isinstance(meter, Tally):
            bill = meter.total()
            if bill is None:
                logger.warning(
                    "the results of %s were not all read; it stays at its bound", due.ref
                )
            return [] if bill is None else [BillBulk(due.ref, *bill, _WHOLE)]
        if not tells_news(meter):
            return []
        found: list[NoteResults | BillBulk] = []
        for news in meter.news():
            found += await self._heard(inflight.provider, news)
        return found

    async def _heard(self, provider: str, news: News) -> list[NoteResults | BillBulk]:
        ref = f"{provider}/{news.id}"
        if news.made or not (news.results or news.nothing or news.usage):
            return []
        try:
            known = await self._look_up(provider, Named("batch", news.id))
            if known is None:
                return []
            if news.nothing:
                return [BillBulk(ref, 0, {}, _NOTHING)]
            notes: list[NoteResults | BillBulk] = []
            if news.results:
                notes.append(NoteResults(ref, f"{provider}/{news.results}"))
            prices = self._prices(known)
            bill = total(known.bulk, news.usage, prices) if news.usage else None
            return [*notes, BillBulk(ref, *bill, _TOLD)] if bill else notes
        except (LedgerError, Unquotable) as error:
            logger.error("news of the batch %s were not booked: %s", ref, error)
            return []
