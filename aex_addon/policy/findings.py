"""What one rule or one plugin says of a call, and what all of them come to.

Owns: the values, the law that a denial wins, and what an output cap may still be.
Refuses to know: how a rule or a plugin comes to what it says. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aex_addon.policy.context import Context
from ledger.commands import Refusal

DENIED, UNAVAILABLE, BUSY = "policy_denied", "policy_unavailable", "policy_busy"
_STATUS = {DENIED: 403, UNAVAILABLE: 403, BUSY: 503}

Decision = Literal["allow", "abstain", "deny", "lower"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One voice.

    by:       `rule NAME` or `plugin FILE`; shadow: it is recorded, and changes nothing.
    code:     of a denial: whether it was meant so, or nobody could be asked.
    cap:      of `lower`: the largest output cap (per choice) that it lets pass.
    window:   whether each of its windows was open, as far as it asked the time.
    """

    by: str
    decision: Decision
    reason: str = ""
    shadow: bool = False
    code: str = DENIED
    cap: int | None = None
    obligations: tuple[str, ...] = ()
    window: tuple[bool, ...] = ()

    @property
    def words(self) -> str:
        """It in one line."""
        return f"{self.by}: {self.reason}" if self.reason else self.by


class Verdict(NamedTuple):
    """All voices together.

    cap:    the output cap that is left, where some lowered it.
    shadow: what would have been refused or lowered, in words; shadow_by: by whom.
    """

    refusal: Refusal | None = None
    by: str = ""
    cap: int | None = None
    shadow: tuple[str, ...] = ()
    shadow_by: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()


PASSES = Verdict()


def together(findings: Iterable[Finding]) -> Verdict:
    """The first denial wins; of several caps the smallest; what is in shadow is only told."""
    denial: Finding | None = None
    cap: int | None = None
    shadow: list[Finding] = []
    obligations: list[str] = []
    for found in findings:
        if found.decision == "abstain" and not found.obligations:
            continue
        if found.decision in ("deny", "lower") and found.shadow:
            shadow.append(found)
        elif found.decision == "deny":
            denial = denial or found
        elif found.cap is not None:
            cap = found.cap if cap is None else min(cap, found.cap)
        obligations += found.obligations
    if denial is None and cap is None and not shadow and not obligations:
        return PASSES
    refusal = None
    if denial is not None:
        refusal = Refusal(_STATUS[denial.code], denial.code, denial.words)
    return Verdict(
        refusal,
        denial.by if denial else "",
        None if denial else cap,
        tuple(found.words for found in shadow),
        tuple(found.by for found in shadow),
        tuple(dict.fromkeys(obligations)),
    )


def within(context: Context, *, tokens: int | None = None, nanousd: int | None = None) -> int:
    """The largest output cap with which a call keeps to these limits; -1 where none does.

    tokens: of all its answers together; nanousd: of its reserve. A cap that cannot be written into
    the request cannot be lowered. Where nothing needs to be lowered, it is the cap as it is.
    """
    asked, quote = context.asked, context.quote
    cap = quote.output_tokens_cap
    if tokens is not None and (asked.output_tokens is None or asked.output_tokens > tokens):
        cap = min(cap, tokens // max(quote.choices, 1)) if asked.output_clampable else -1
    if nanousd is not None and not context.cost_known:
        return -1
    if nanousd is not None and quote.cost(quote.output_tokens_cap) > nanousd:
        cap = min(cap, quote.affordable_cap(nanousd)) if asked.output_clampable else -1
    least = max(quote.output_tokens_least, 1)
    return cap if cap == quote.output_tokens_cap or cap >= least else -1
