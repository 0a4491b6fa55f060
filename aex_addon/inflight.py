"""The state of one admitted call while it is under way, and how it is booked when it ends.

Owns: what the hooks of a flow must remember from one another, and the law of booking: what the
provider reported, exactly; where it reported nothing, an upper bound on what it may bill; and
nothing at all only where it is known not to bill.
Refuses to know: mitmproxy, the ledger's store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aex_addon.appraisal import Appraisal
from ledger.commands import Commit, Release
from ledger.outcomes import Admitted
from providers.bulk import BulkFacts, tells_news
from providers.bulk_price import Bill
from providers.encoding import Decoder
from providers.mcp_meter import McpFacts
from providers.price import Price
from providers.wire import Denial, Grant, Reading, Usage
from providers.wire_format import Meter

# The answer to the handshake of a WebSocket: "switching protocols".
SWITCHED = 101

# What a provider may have generated between the last byte that was seen and its noticing that
# the client has gone: about two seconds of a fast model.
UNSEEN_TOKENS = 256

# No answers yet, whatever else comes with them; 101 is one.
_INTERIM = frozenset((100, *range(102, 200)))

# Of the 5xx those that say that nothing was begun: unavailable, overloaded.
_REFUSING = (503, 529)

Ending = Literal["complete", "broken"]
_NOTHING_READ = Reading(usage=None, output_tokens_max=0, complete=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What ties a call to others: who made it, what it asked, and its idempotency key if any."""

    token_hash: str
    fingerprint: str
    keyed: bool


NO_ATTEMPT = Attempt("", "", keyed=False)


@dataclass(frozen=True, slots=True)
class Due:
    """The bill of a batch, which comes with the results that a call fetches."""

    ref: str
    bill: Bill


@dataclass(slots=True)
class Recording:
    """The client's bytes of an answer that its idempotency key asks to keep, up to a size."""

    size_max: int
    headers: tuple[tuple[str, str], ...] = ()
    data: bytearray = field(default_factory=bytearray, repr=False)
    whole: bool = True

    def keep(self, data: bytes) -> None:
        """Takes some bytes in; one too many, and nothing is kept."""
        if self.whole and len(self.data) + len(data) <= self.size_max:
            self.data += data
        else:
            self.whole = False
            self.data.clear()


@dataclass(slots=True)
class InFlight:
    """One admitted call.

    dispatched: the request hook has let it go.
    status:     the provider's status, 0 until its headers are here.
    decoder:    takes the content encoding off for the meter; None where there is none.
    unread:     some of the answer passed without being metered.
    recording:  set where an idempotency key asks that the answer be kept.
    cut:        why AEX itself ends the call before its end; "" where it does not.
    outgrown:   the provider has gone beyond what was granted, so that this bounds nothing.
    sent_at:    the steady clock (s) when it was let go, 0 before.
    told_at:    how much had been delivered when its count first cost more than the reserve.
    due:        the batch whose results it fetches, while its bill is still to come.
    """

    admitted: Admitted
    appraisal: Appraisal
    provider: str
    dispatched: bool = False
    settled: bool = False
    status: int = 0
    meter: Meter | None = None
    decoder: Decoder | None = field(default=None, repr=False)
    unread: bool = False
    attempt: Attempt = NO_ATTEMPT
    recording: Recording | None = None
    cut: str = ""
    outgrown: bool = False
    told_at: int | None = None
    due: Due | None = None
    sent_at: float = 0.0

    def stop(self, denial: Denial) -> bool:
        """Ends it, where AEX itself does the work; False where a provider does, as here."""
        return False

    def lose_sight(self) -> None:
        """From here on the answer passes unread."""
        self.unread = True

    def let_go(self) -> None:
        """The call is booked: what was kept to read of its answer is not needed any more.

        mitmproxy's flows are cycles, and stay in memory until a collector finds them.
        """
        self.meter = self.decoder = self.recording = None

    def grant(self) -> Grant:
        """What the request must carry; None in it where what the request says will do."""
        cap: int | None = self.admitted.output_tokens_cap
        appraisal = self.appraisal
        if cap == appraisal.quote.output_tokens_cap and appraisal.cap_held:
            cap = None
        facts, price = appraisal.facts, appraisal.price
        return Grant(
            cap,
            appraisal.server_calls if facts.server_calls_max is None else None,
            price.usd_per_mtok(facts, appraisal.input_tokens)
            if price and facts.many_sellers
            else None,
        )

    def end(self, ending: Ending, bytes_left: bool = True) -> Commit | Release:
        """How the call is booked, now that it has ended.

        `bytes_left` False means that no byte of the request can have reached the provider.
        """
        execution_id = self.admitted.execution_id
        if not self.dispatched:
            return Release(execution_id, 0, "refused before dispatch; no byte left")
        if not self.status or self.status in _INTERIM:
            return self._unanswered(bytes_left)
        opened = self.status == SWITCHED and self.appraisal.facts.kind == "socket"
        if not 200 <= self.status < 300 and not opened:
            if begun := self._may_have_begun():
                reason = f"the provider answered {self.status}; {begun} all the same"
                return Commit(
                    execution_id, None, self.status, None, "estimated", "uncertain", reason
                )
            proof = f"the provider answered {self.status}, which it does not bill"
            return Release(execution_id, self.status, proof)
        if not self.appraisal.price:
            return Commit(execution_id, 0, self.status, None, "free", "exact")
        return self._billed(ending)

    def _unanswered(self, bytes_left: bool) -> Commit | Release:
        execution_id = self.admitted.execution_id
        if not bytes_left:
            return Release(execution_id, 0, "no connection to the provider stood; no byte left")
        reason = self.cut or "sent, but no status came back: the provider may have billed"
        return Commit(execution_id, None, 0, None, "estimated", "uncertain", reason)

    def _billed(self, ending: Ending) -> Commit:
        price = self.appraisal.price
        assert price is not None
        reading = self.meter.reading() if self.meter else _NOTHING_READ
        execution_id = self.admitted.execution_id
        if isinstance(self.appraisal.facts, BulkFacts):
            return self._begun()
        if reading.usage is not None:
            counts = dict(reading.usage.counts)
            actual = price.bill(reading.usage)
            return Commit(execution_id, actual, self.status, counts, "provider", "exact", self.cut)
        whole = ending == "complete" and reading.complete
        bound, counts = self._bound(price, reading, whole)
        reason = self.cut or (
            "the provider reported no usage"
            if whole
            else "the answer broke off before its usage came"
        )
        reserved = self.admitted.reserved_nanousd
        so_far = reading.running or reading.known
        told = price.bill(so_far) if so_far else 0
        if not self.outgrown and told <= reserved:
            # Else the provider has shown that the reserve is no bound.
            bound = min(bound, reserved)
        actual = max(bound, told)
        return Commit(execution_id, actual, self.status, counts, "estimated", "estimated", reason)

    def _may_have_begun(self) -> str:
        """A batch runs on without a connection, and a tool has run before its server fails, so only
        a refusal says that they do not; "" where nothing can have begun."""
        if self.status < 500 or self.status in _REFUSING or self.appraisal.price is None:
            return ""
        if isinstance(self.appraisal.facts, BulkFacts):
            return "the batch may have begun"
        return "the tool may have run" if isinstance(self.appraisal.facts, McpFacts) else ""

    def _begun(self) -> Commit:
        """A batch is booked at its bound: what it comes to is told with its results, if ever."""
        meter = self.meter
        news = meter.news() if tells_news(meter) else ()
        told = any(each.made for each in news)
        reason = "a batch: booked at its bound until its results are fetched"
        if not told:
            reason += "; its id did not come back, so they will not be known as its own"
        certainty = "estimated" if told else "uncertain"
        execution_id = self.admitted.execution_id
        return Commit(execution_id, None, self.status, None, "estimated", certainty, reason)

    def _bound(self, price: Price, reading: Reading, whole: bool) -> tuple[int, dict[str, int]]:
        """The most that the provider may bill (nano-dollars), and the counts it is made of."""
        output, facts = self._output_bound(reading, whole), self.appraisal.facts
        if self.appraisal.server_calls or facts.charges or facts.model_runs_max:
            # What the provider did beside the one run is told at the end, if at all.
            counts = {"input_tokens": self.appraisal.input_tokens, "output_tokens": output}
            return self.admitted.reserved_nanousd, counts
        if reading.known is not None:
            counts = {**reading.known.counts, "output_tokens": output}
            return price.bill(Usage(counts, None, reading.known.service_tier)), counts
        counts = {"input_tokens": self.appraisal.input_tokens, "output_tokens": output}
        return price.usage_bound(self.appraisal.input_tokens, output, facts), counts

    def _output_bound(self, reading: Reading, whole: bool) -> int:
        price = self.appraisal.price
        assert price is not None
        cap = self.admitted.output_tokens_cap * self.appraisal.quote.choices
        if self.outgrown:
            # The cap did not hold, so it bounds nothing.
            told = reading.running.counts.get("output_tokens", 0) if reading.running else 0
            return max(reading.output_tokens_max, told) + UNSEEN_TOKENS
        hidden = self.appraisal.facts.hidden_output
        if price.hidden_output if hidden is None else hidden:
            # Reasoning is billed and never sent: what was seen says nothing of it.
            return cap
        if self.meter is None or self.unread or (self.decoder and self.decoder.failed):
            return cap
        if not whole and not self.appraisal.facts.stream:
            # A whole answer was generated before its first byte was sent.
            return cap
        unseen = 0 if whole else UNSEEN_TOKENS
        return min(cap, reading.output_tokens_max + unseen)
