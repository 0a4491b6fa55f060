"""Admission: may this call leave, and with how much of the budget held for it?

Owns: the order of the questions (token, lifecycle, earlier verdict, rate, budget) and the
answers. Pure: state, command and time in, drafts and outcome out; nothing is changed here.
Refuses to know: HTTP statuses' wording, providers, SQL.

The law: what is reserved is an upper bound, and it is reserved on every level of the budget
tree or on none, so `spent + reserved <= budget` holds after every admission.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import events, rates
from ledger.commands import Admit, Admitted, Denied, Outcome, Quote, Rejected
from ledger.events import Draft
from ledger.money import MAX_NANOUSD
from ledger.state import Agent, State, Token

SERVING = frozenset(("REGISTERED", "READY", "RUNNING"))
_DEPTH_MAX = 8


def lineage(state: State, name: str) -> list[Agent]:
    """The agent and the accounts above it, nearest first. Assumes that they are loaded."""
    found: list[Agent] = []
    current: str | None = name
    while current is not None and len(found) < _DEPTH_MAX:
        agent = state.agents[current]
        found.append(agent)
        current = agent.parent
    return found


def decide(state: State, command: Admit, now: int) -> tuple[list[Draft], Outcome]:
    """Admitted with two events, or Denied with one (none where nobody is known to bill)."""
    problem = _unfit(command)
    if problem:
        return [], Rejected(problem)
    if command.execution_id in state.executions:
        return [], Rejected(f"execution {command.execution_id} exists already")
    token = state.tokens.get(command.token_hash)
    if token is None:
        return [], Denied(command.execution_id, None, 401, "token_unknown")
    agent = state.agents[token.agent]
    levels = lineage(state, agent.name)
    denial = _standing(command, token, levels, now) or _verdict(command, token)
    taken: dict[str, int] = {}
    if denial is None and command.metered:
        denial, taken = _rate(state, command, levels, now)
    cap = command.quote.output_tokens_cap
    if denial is None:
        denial, cap = _budget(command, levels)
    if denial is not None:
        return [_denied(command, token, denial)], denial
    return _admit(command, token, cap, taken)


def _unfit(command: Admit) -> str:
    """Why the books could not hold such a call; they keep integers up to 2^53 - 1."""
    quote = command.quote
    for what, count in (
        ("the bound of its input", command.input_tokens_max),
        ("its output cap", quote.output_tokens_cap),
        ("its fixed cost", quote.fixed_nanousd),
    ):
        if not 0 <= count <= MAX_NANOUSD:
            return f"{what} is {count}, not within 0 and 2^53 - 1"
    return ""


def _standing(command: Admit, token: Token, levels: Sequence[Agent], now: int) -> Denied | None:
    agent = levels[0]

    def deny(status: int, code: str, message: str = "") -> Denied:
        return Denied(command.execution_id, agent.name, status, code, message, agent.name)

    if token.revoked_at:
        return deny(401, "token_revoked")
    if token.expires_at and now >= token.expires_at:
        return deny(401, "token_expired")
    if command.claimed_agent is not None and command.claimed_agent != agent.name:
        return deny(401, "token_of_another_agent")
    if token.scope != "execution":
        return deny(403, "token_scope")
    for level in levels:
        if level.lifecycle_state not in SERVING:
            return Denied(
                command.execution_id,
                agent.name,
                423,
                "agent_not_serving",
                f"{level.lifecycle_state}: {level.lifecycle_reason}".rstrip(": "),
                level.name,
            )
    return None


def _verdict(command: Admit, token: Token) -> Denied | None:
    if command.refusal is None:
        return None
    refusal = command.refusal
    return Denied(command.execution_id, token.agent, refusal.status, refusal.code, refusal.message)


def _rate(
    state: State, command: Admit, levels: Sequence[Agent], now: int
) -> tuple[Denied | None, dict[str, int]]:
    """The limits that a call takes a cell of, on every level; keys are `agent/kind`."""
    taken: dict[str, int] = {}
    for level in levels:
        if not level.rpm:
            continue
        tat, wait = rates.conform(state.rates.get((level.name, "rpm"), 0), now, level.rpm)
        if wait:
            denial = Denied(
                command.execution_id,
                levels[0].name,
                429,
                "rate_limited",
                f"{level.rpm} requests per minute",
                level.name,
                retry_after_ns=wait,
            )
            return denial, {}
        taken[f"{level.name}/rpm"] = tat
    return None, taken


def _budget(command: Admit, levels: Sequence[Agent]) -> tuple[Denied | None, int]:
    """The output cap that every level can carry, or the denial of the level that cannot."""
    quote, agent = command.quote, levels[0]
    cap = quote.output_tokens_cap
    for level in levels:
        needed = quote.cost(cap)
        if needed <= max(level.remaining_nanousd, 0):
            continue
        smaller = quote.affordable_cap(level.remaining_nanousd)
        if agent.on_short_budget == "clamp" and smaller >= _least_useful(agent, quote):
            cap = smaller
            continue
        return (
            Denied(
                command.execution_id,
                agent.name,
                402,
                "budget_exceeded",
                "",
                level.name,
                needed_nanousd=min(quote.cost(quote.output_tokens_cap), MAX_NANOUSD),
                remaining_nanousd=level.remaining_nanousd,
                budget_nanousd=level.budget_nanousd,
            ),
            0,
        )
    return None, cap


def _least_useful(agent: Agent, quote: Quote) -> int:
    return max(1, min(agent.min_output_tokens, quote.output_tokens_cap))


def _facts(command: Admit, token: Token) -> dict[str, Any]:
    return {
        "door": command.door,
        "endpoint": command.endpoint,
        "fingerprint": command.fingerprint,
        "gateway": command.gateway,
        "input_tokens_max": command.input_tokens_max,
        "model": command.model,
        "provider": command.provider,
        "stream": int(command.stream),
        "token_id": token.token_id,
    }


def _denied(command: Admit, token: Token, denial: Denied) -> Draft:
    payload = _facts(command, token) | {
        "account": denial.account,
        "code": denial.code,
        "message": denial.message,
        "needed_nanousd": denial.needed_nanousd,
        "remaining_nanousd": denial.remaining_nanousd,
        "status_code": denial.status,
    }
    return Draft(events.DENIED, token.agent, command.execution_id, payload)


def _admit(
    command: Admit, token: Token, cap: int, taken: dict[str, int]
) -> tuple[list[Draft], Outcome]:
    amount = command.quote.cost(cap)
    reserved = _facts(command, token) | {
        "output_tokens_cap": cap,
        "rates": {key: str(tat) for key, tat in taken.items()},
        "reserved_nanousd": amount,
    }
    drafts = [
        Draft(events.RESERVED, token.agent, command.execution_id, reserved),
        Draft(events.DISPATCHED, token.agent, command.execution_id, {}),
    ]
    return drafts, Admitted(command.execution_id, token.agent, amount, cap)
