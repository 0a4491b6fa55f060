"""The price of one model at one time: an upper bound before the call, the bill after it.

Owns: Quote and Price, in integer nano-dollars and pico-dollars; rounded up, once per amount.
Refuses to know: where the price came from (prices.py), the ledger, the request's shape.

1 USD per million tokens is 1000 nano-dollars, or 1 000 000 pico-dollars, per token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from providers.fields import MAX_TOKENS
from providers.rates import Rates
from providers.unquotable import (
    UnknownLength,
    UnknownPart,
    UnknownPrice,
    UnknownTier,
    UnknownUnit,
    UnknownWindow,
)
from providers.wire import Facts, Usage

DEFAULT_OUTPUT_TOKENS = 131_072

_NANO = Decimal(10**9)
_PICO = Decimal(10**12)
_MTOK = Decimal(10**6)
_STANDARD_TIERS = (None, "auto", "default")
# Tiers of any provider that cost no more than the standard one, or are paid for beforehand.
_NOT_DEARER = frozenset(
    (*_STANDARD_TIERS, "standard", "standard_only", "on_demand", "flex", "batch", "scale")
)
CapSource = Literal["request", "model", "window", "default", "none"]

_TEXT = frozenset({"text"})
_ANY_TEXT_CALL = Facts(endpoint="", kind="metered")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may cost at the most, open in its output cap.

    input_tokens:        the bound on input that `fixed_nanousd` stands for.
    fixed_nanousd:       all input, the fee per call and what is billed beside tokens, at the
                         dearest applicable rates; the output too where no cap can be written.
    output_rate_picousd: 1e-12 USD per output token, the dearest applicable rate.
    output_tokens_cap:   per choice; where it came from says `cap_source`. A cap from `request` is
                         there already and one from `window` the provider itself holds (or nothing
                         depends on it); one from `model` or `default` is to be written into the
                         request.
    choices:             how many times the cap may be used up.
    output_tokens_least: a smaller cap than this makes the provider refuse the call.
    """

    input_tokens: int
    fixed_nanousd: int
    output_rate_picousd: int
    output_tokens_cap: int
    choices: int
    cap_source: CapSource
    output_tokens_least: int = 1


def reserve(quote: Quote, output_tokens_cap: int) -> int:
    """Nano-dollars that hold the call if each choice is capped at `output_tokens_cap` tokens."""
    picousd = quote.choices * output_tokens_cap * quote.output_rate_picousd
    return quote.fixed_nanousd + -(-picousd // 1000)


@dataclass(frozen=True)
class Price:
    """Prices of one model, as they stand at one time; valid for the call they were taken for.

    model_id:          the catalogue's own name of the model.
    source:            `catalogue genai-prices <version>` or `config`.
    hidden_output:     the model may bill output that it does not send.
    max_output_tokens: the longest answer per choice, None if not known.
    input_window:      no request with more input tokens is answered; None if not known.
    """

    provider: str
    model: str
    model_id: str
    source: str
    hidden_output: bool
    max_output_tokens: int | None
    input_window: int | None
    standard: Rates = field(repr=False, compare=False)
    by_service_tier: Mapping[str, Rates] = field(repr=False, compare=False)

    def bill(self, usage: Usage) -> int:
        """Nano-dollars for what the provider counted, exact, rounded up once.

        The rates are those of the service tier that the answer names. Counts that contradict each
        other are billed at an upper bound over them, never at nothing. A provider that says what it
        bills is taken at its word.
        """
        return _nano(self.usd(usage))

    def usd(self, usage: Usage) -> Decimal:
        """The same in dollars, before it is rounded."""
        if usage.cost_usd is not None:
            return usage.cost_usd
        return self.rates(usage.service_tier, usage.counts).bill(usage.counts)

    def quote(self, facts: Facts, server_calls: int = 0) -> Quote:
        """The upper bound of a call in which the provider runs its own tools `server_calls` times.

        Raises Unquotable where some part of the call has no price or no bound.

        Input is bounded by what was sent, and by the model's window: a provider answers a larger
        prompt with an error, which it does not bill. The window is not used for calls without
        output, where it holds per text and not per call, nor with pictures, unless the tokens that
        are billed for them are known to be those that fill the window. Where the provider reads
        what was not sent (earlier turns, files, results of its own tools) the window is the bound.
        Either counts once for each time that the provider runs the model. Unseen input that costs
        nothing needs no bound.

        A tier named by the request may not be the one that serves it, so the dearer of the named
        and the standard one is taken, and the dearest of all for one that is not known. `auto`
        counts as standard, which a project's settings can change on the provider's side; the bill
        then follows the answer.
        """
        counts_tokens = facts.has_output or facts.input_unseen or facts.input_tokens_max
        needs = {"input_mtok": counts_tokens, "output_mtok": facts.has_output}
        if any(needed and not self.standard.prices(key) for key, needed in needs.items()):
            raise UnknownPrice(self.provider, self.model)
        for unit in sorted(facts.own_prices):
            if self.standard.of(unit) is None:
                raise UnknownPart(self.provider, self.model, unit)
        if facts.premium_tier and facts.service_tier not in self.by_service_tier:
            raise UnknownTier(self.model, facts.service_tier or "")
        input_tokens = self._input(facts, server_calls)
        tables = self._tables(facts.service_tier)
        fixed = max(t.bound(input_tokens, 0, facts.modalities, facts.unbilled) for t in tables)
        fixed += self._charges(facts, server_calls)
        cap, cap_source = self._cap(facts)
        rate = max(table.dearest("output", input_tokens, facts.modalities) for table in tables)
        fixed += facts.summaries_max * self._longest_output() * rate
        if not facts.cap_writable:
            if cap_source == "default":
                raise UnknownLength(self.model)
            fixed += facts.choices * cap * rate
            rate = Decimal(0)
        return Quote(
            input_tokens=input_tokens,
            fixed_nanousd=_nano(fixed),
            output_rate_picousd=math.ceil(rate * _PICO) if facts.has_output else 0,
            output_tokens_cap=cap,
            choices=facts.choices * (1 + server_calls if facts.output_per_server_call else 1),
            cap_source=cap_source,
            output_tokens_least=facts.output_tokens_least,
        )

    def _input(self, facts: Facts, server_calls: int) -> int:
        one_run, window = facts.input_tokens_max, self.input_window
        in_window = facts.modalities == _TEXT or facts.media_fill_window
        if facts.input_unseen or server_calls:
            if window is not None:
                one_run = window if in_window else window + one_run
            elif self._bills_input():
                raise UnknownWindow(self.model)
        elif window is not None and facts.has_output and in_window:
            one_run = min(one_run, window)
        return one_run * (facts.model_runs_max or 1 + server_calls)

    def _bills_input(self) -> bool:
        tables = (self.standard, *self.by_service_tier.values())
        return any(table.dearest("input", MAX_TOKENS, None) for table in tables)

    def _charges(self, facts: Facts, server_calls: int) -> Decimal:
        """USD for what is billed beside tokens; of several units for one call, the dearest."""
        total = sum((self._unit(unit) * n for unit, n in facts.charges.items()), Decimal(0))
        if server_calls and facts.server_units:
            total += server_calls * max(map(self._unit, facts.server_units))
        return total

    def _unit(self, unit: str) -> Decimal:
        price = self.standard.per_unit(unit)
        if price is None:
            raise UnknownUnit(self.model, unit)
        return price

    def usd_per_mtok(self, facts: Facts, input_tokens: int) -> tuple[Decimal, Decimal]:
        """The dearest input and output prices that a quote for such a call stands for."""
        tables = self._tables(facts.service_tier)
        dearest = [
            max(table.dearest(side, input_tokens, facts.modalities) for table in tables)
            for side in ("input", "output")
        ]
        return dearest[0] * _MTOK, dearest[1] * _MTOK

    def usage_bound(
        self, input_tokens: int, output_tokens: int, facts: Facts = _ANY_TEXT_CALL
    ) -> int:
        """Nano-dollars for an estimated booking: no call with at most these tokens costs more.

        output_tokens: of all choices together. facts say which prices apply. With
        `Quote.input_tokens` and the call's own facts the result stays within the reserve.
        """
        bounds = [
            table.bound(input_tokens, output_tokens, facts.modalities, facts.unbilled)
            for table in self._tables(facts.service_tier)
        ]
        return _nano(max(bounds))

    def _longest_output(self) -> int:
        return self.max_output_tokens or self.input_window or DEFAULT_OUTPUT_TOKENS

    def _cap(self, facts: Facts) -> tuple[int, CapSource]:
        if not facts.has_output:
            return 0, "none"
        longest, asked = self.max_output_tokens, facts.output_tokens_cap
        if asked is not None and (longest is None or asked <= longest or not facts.cap_writable):
            return asked, "request"
        # A maximum as large as the window leaves no room for a prompt: a provider that adds both
        # up would refuse it in a request, and holds to the window anyway.
        fits = longest is not None and (self.input_window is None or longest < self.input_window)
        if longest is not None and fits:
            return longest, "model"
        if self.input_window is not None:
            return self.input_window, "window"
        # What costs nothing needs no cap, and the server at the other end may not take this one.
        held = not self.standard.dearest("output", 0, None)
        return DEFAULT_OUTPUT_TOKENS, "window" if held else "default"

    def rates(self, service_tier: str | None, counts: Mapping[str, int]) -> Rates:
        """The rates by which these counts are billed at a service tier.

        A tier without a price of its own has the standard ones if it is known to cost no more; one
        that is not known has whichever of this model's are the dearest.
        """
        tables = self._tables(service_tier)
        if service_tier in self.by_service_tier:
            return tables[-1]
        return max(tables, key=lambda table: table.bill(counts))

    def _tables(self, service_tier: str | None) -> list[Rates]:
        """The standard rates, then those that a call of this tier may be billed by as well."""
        if service_tier in _STANDARD_TIERS:
            return [self.standard]
        if service_tier in self.by_service_tier:
            return [self.standard, self.by_service_tier[service_tier]]
        if service_tier in _NOT_DEARER:
            return [self.standard]
        return [self.standard, *self.by_service_tier.values()]


def _nano(usd: Decimal) -> int:
    return math.ceil(usd * _NANO)
