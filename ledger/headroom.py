"""Headroom: what the accounts that pay for a call can still carry.

Owns: the questions about money in an admission: is an account stopped, does the reserve fit on
every level, and with which output cap. Pure, as admission is.
Refuses to know: tokens, rates, verdicts, and in which order all of it is asked (admission.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger import windows
from ledger.commands import Admit, Quote
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Denied
from ledger.state import Agent, Token


def overrun(command: Admit, token: Token, levels: Sequence[Agent]) -> Denied | None:
    """A bill above its reserve says that reserves may be no bound: someone is to look first."""
    if not command.metered:
        return None
    for level in levels:
        if level.stopped_by:
            return Denied(
                command.execution_id, token.agent, 402, "overrun", level.stopped_by, level.name
            )
    return None


def budget(
    command: Admit, token: Token, levels: Sequence[Agent], now: int, cap: int
) -> tuple[Denied | None, int]:
    """The output cap that every level can carry, `cap` at the most, or the denial of the level that
    cannot."""
    quote, most = command.quote, cap
    for level in levels:
        needed = quote.cost(cap)
        if needed <= max(level.remaining_nanousd, 0):
            continue
        smaller = quote.affordable_cap(level.remaining_nanousd)
        useful = _least_useful(levels[0], quote, most)
        if levels[0].on_short_budget == "clamp" and smaller >= useful:
            cap = smaller
            continue
        return (
            Denied(
                command.execution_id,
                token.agent,
                402,
                "budget_exceeded",
                "",
                level.name,
                needed_nanousd=min(quote.cost(most), MAX_NANOUSD),
                remaining_nanousd=level.remaining_nanousd,
                budget_nanousd=level.budget_nanousd,
                resets_at=windows.end_of(level.budget_window, now),
                cap_fits=smaller >= max(1, quote.output_tokens_least),
            ),
            0,
        )
    return None, cap


def _least_useful(agent: Agent, quote: Quote, most: int) -> int:
    least = max(agent.min_output_tokens, quote.output_tokens_least)
    return max(1, min(least, most))
