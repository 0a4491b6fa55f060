"""Taking budget back that was given by mistake, or is needed elsewhere.

Owns: how much can be taken: what is neither spent in the current window nor held for calls under
way, so that `spent + reserved <= budget` holds afterwards as before. Pure.
Refuses to know: how budgets are spent (admission.py), who may take.
"""

from __future__ import annotations

from ledger import events, rolling
from ledger.admin_commands import Withdraw
from ledger.administration import missing
from ledger.events import Draft
from ledger.money import show_usd
from ledger.outcomes import Done, Outcome, Rejected
from ledger.state import State


def withdraw(state: State, command: Withdraw, now: int) -> tuple[list[Draft], Outcome]:
    """Less budget. What an overrun has stopped stays so."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    if command.amount_nanousd <= 0:
        return [], Rejected("what is taken back is above 0")
    drafts, (agent,) = rolling.roll([state.agents[command.name]], now)
    left = max(agent.remaining_nanousd, 0)
    if command.amount_nanousd > left:
        return [], Rejected(
            f"{show_usd(left)} of the budget of {command.name} is neither spent nor held for calls "
            "under way; no more can be taken back"
        )
    payload = {
        "actor": command.actor,
        "amount_nanousd": command.amount_nanousd,
        "reason": command.reason,
    }
    return [*drafts, Draft(events.AGENT_WITHDRAWN, command.name, None, payload)], Done(command.name)
