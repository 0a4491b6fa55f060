"""Appraisal: what a call is and what it may cost at the most, or why it cannot be admitted.

Owns: joining wire format, facts and price into the quote that admission reserves by.
Refuses to know: who pays, whether they can. Pure: the time is an argument.

What is neither metered nor known to be free is refused, unless the operator's config says
otherwise; so is a model that has no price. Nothing passes unmetered in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aex_addon.settings import Settings
from ledger.commands import Quote, Refusal
from providers import bulk_price, mcp_server
from providers.bulk import BulkFacts
from providers.mcp_meter import McpFacts
from providers.prices import Price, PriceBook, UnknownPrice, free
from providers.registry import find
from providers.unquotable import Unquotable
from providers.wire import Call, Facts, Refused
from providers.wire_format import WireFormat

_NOTHING = Quote()
_UNBOUNDED_TOOLS = Refusal(
    403,
    "not_metered",
    "This call lets the provider run its own tools as often as it likes, so its cost has no bound."
    " Limit their uses in the request, or let the operator set server_calls_max in aex.toml.",
)
_UNBOUNDED_SOUND = Refusal(
    403,
    "not_metered",
    "This call is billed by the length of its sound, which the bytes of this kind of file do not"
    " tell, so its cost has no bound. Send it as WAV or MP3, or let the operator set"
    " audio_seconds_max in aex.toml.",
)


@dataclass(frozen=True, slots=True)
class Appraisal:
    """The result; `refusal` is set where the call must not leave.

    input_tokens is the bound that the quote's fixed part stands for. `cap_held` says that the
    quoted output cap holds without being written into the request. server_calls is how often the
    provider may run tools of its own.
    """

    facts: Facts
    wire_format: WireFormat | None = None
    price: Price | None = None
    quote: Quote = _NOTHING
    input_tokens: int = 0
    cap_held: bool = True
    server_calls: int = 0
    refusal: Refusal | None = None

    @property
    def tokens_max(self) -> int:
        """What the call may count against a token rate."""
        return self.input_tokens + self.quote.choices * self.quote.output_tokens_cap

    @property
    def reads_answer(self) -> bool:
        """True if something of the answer may have to be hidden, or edited."""
        priced = self.facts.stream and self.price is not None
        return priced or isinstance(self.facts, BulkFacts | McpFacts)

    @property
    def metered(self) -> bool:
        """True if the call has a price."""
        return self.facts.kind == "metered"


def appraise(
    call: Call, formats: Sequence[str], prices: PriceBook, settings: Settings, at: datetime
) -> Appraisal:
    """What the call is, to a provider that speaks `formats`. Never raises for what clients send."""
    wire_format = find(call, formats)
    if wire_format is None:
        return _unmetered(call, settings)
    try:
        facts = wire_format.read(call)
    except Refused as refused:
        denial = refused.denial
        refusal = Refusal(denial.status, denial.code, denial.sentences)
        return Appraisal(_unread(call), wire_format, refusal=refusal)
    if facts.kind != "metered":
        return Appraisal(facts, wire_format)
    if isinstance(facts, BulkFacts):
        return _priced_bulk(call, wire_format, facts, prices, settings, at)
    if isinstance(facts, McpFacts):
        return _priced_tools(call, wire_format, facts, settings)
    return _priced(call, wire_format, facts, prices, settings, at)


def _priced(
    call: Call,
    wire_format: WireFormat,
    facts: Facts,
    prices: PriceBook,
    settings: Settings,
    at: datetime,
) -> Appraisal:
    server_calls = facts.server_calls_max
    if server_calls is None:
        server_calls = settings.server_calls_max
        if not server_calls:
            return Appraisal(facts, wire_format, refusal=_UNBOUNDED_TOOLS)
    if facts.seconds_untold:
        if not settings.audio_seconds_max:
            return Appraisal(facts, wire_format, refusal=_UNBOUNDED_SOUND)
        least = facts.charges.get("input_audio_seconds", 0)
        seconds = max(settings.audio_seconds_max, least)
        facts = replace(facts, charges={**facts.charges, "input_audio_seconds": seconds})
    try:
        price = prices.price(call.provider, facts.model or "", at)
        quoted = price.quote(facts, server_calls)
    except Unquotable as unknown:
        return _unquoted(wire_format, facts, unknown, settings)
    quote = Quote(
        quoted.fixed_nanousd,
        quoted.output_rate_picousd,
        quoted.output_tokens_cap,
        quoted.choices,
        quoted.output_tokens_least,
    )
    cap_held = not facts.cap_writable or quoted.cap_source in ("request", "window", "none")
    return Appraisal(facts, wire_format, price, quote, quoted.input_tokens, cap_held, server_calls)


def _priced_bulk(
    call: Call,
    wire_format: WireFormat,
    facts: BulkFacts,
    prices: PriceBook,
    settings: Settings,
    at: datetime,
) -> Appraisal:
    """A batch costs what its calls may cost together; there is no cap to be made smaller."""
    bulk = facts.bulk
    if bulk is None or not bulk.kinds:
        return Appraisal(facts, wire_format)
    try:
        price = prices.price(call.provider, bulk.models[0], at)
        nanousd, tokens = bulk_price.quote(
            bulk, lambda model: prices.price(call.provider, model, at)
        )
    except Unquotable as unknown:
        return _unquoted(wire_format, facts, unknown, settings)
    return Appraisal(facts, wire_format, price, Quote(fixed_nanousd=nanousd), tokens)


def _priced_tools(
    call: Call, wire_format: WireFormat, facts: McpFacts, settings: Settings
) -> Appraisal:
    """Calls of tools cost what the operator says, whatever they do."""
    server = settings.mcp[call.provider]
    each = [mcp_server.price(tool, server.tools, server.default_usd) for _, tool in facts.calls]
    facts = replace(facts, prices=tuple(each))
    price = replace(free(call.provider, facts.model or ""), source="config")
    return Appraisal(facts, wire_format, price, Quote(fixed_nanousd=price.bill(facts.bill)))


def _unquoted(
    wire_format: WireFormat, facts: Facts, unknown: Unquotable, settings: Settings
) -> Appraisal:
    if isinstance(unknown, UnknownPrice) and settings.unpriced_models == "free":
        return Appraisal(facts, wire_format)
    message = f"{unknown} {unknown.remedy}"
    return Appraisal(facts, wire_format, refusal=Refusal(403, "model_unpriced", message))


def _unmetered(call: Call, settings: Settings) -> Appraisal:
    facts = _unread(call)
    if settings.unmetered_paths == "pass":
        return Appraisal(facts)
    message = (
        f"{call.method} {call.path} could cost money and AEX does not meter it yet, so it is "
        'refused. The operator can let such calls pass with unmetered_paths = "pass" in aex.toml.'
    )
    return Appraisal(facts, refusal=Refusal(403, "not_metered", message))


def _unread(call: Call) -> Facts:
    return Facts(endpoint=call.path, kind="free")
