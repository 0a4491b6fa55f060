"""Admission: may this call leave, and with how much of the budget held for it?

Owns: the order of the questions (token, lifecycle, earlier verdict, tool, caps, rate, budget) and
the answers. Pure: state, command and time in, drafts and outcome out; nothing is changed here.
Refuses to know: HTTP statuses' wording, providers, SQL.

The law: what is reserved is an upper bound, and it is reserved on every level of the budget
tree or on none, so `spent + reserved <= budget` holds after every admission.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import caps, events, headroom, rates, rolling, tools
from ledger.commands import Admit, Judged
from ledger.events import Draft
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Admitted, Denied, Outcome, Rejected, Replayed, Underway
from ledger.state import OPEN_STATES, Agent, State, Token

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
    """Admitted, Replayed or Underway, or Denied; nothing is recorded where nobody is known."""
    problem = _unfit(command)
    if problem:
        return [], Rejected(problem)
    if command.execution_id in state.executions:
        return [], Rejected(f"execution {command.execution_id} exists already")
    if command.gateway in state.fenced:
        return [], Rejected(f"gateway {command.gateway} was shut out; it must start anew")
    token = state.tokens.get(command.token_hash)
    if token is None:
        return [], Denied(command.execution_id, None, 401, "token_unknown")
    found = lineage(state, token.account)
    rolled, levels = rolling.roll(found, now)
    denial = standing(command.execution_id, command.claimed_agent, token, levels, now)
    if denial is None and command.key_hash:
        earlier = _earlier(state, command, token, now)
        if isinstance(earlier, Replayed | Underway):
            return [], earlier
        denial = earlier
    denial = denial or serving(command.execution_id, token.agent, levels)
    denial = denial or _verdict(command, token) or tools.refused(state, command, token)
    cap = command.quote.output_tokens_cap
    if denial is None:
        denial, cap = caps.decide(command, token, levels)
    denial = denial or headroom.overrun(command, token, levels)
    taken: dict[str, int] = {}
    if denial is None and command.metered:
        denial, taken = _rate(state, command, token, levels, now)
    if denial is None:
        denial, cap = headroom.budget(command, token, levels, now, cap)
    if denial is not None:
        return [_denied(command, token, denial)], denial
    drafts, outcome = _admit(command, token, levels, cap, taken, now)
    return [*rolled, *drafts], outcome


def _earlier(
    state: State, command: Admit, token: Token, now: int
) -> Replayed | Underway | Denied | None:
    """What the idempotency key already stands for; None where the call is to be made.

    Denials and failures are never replayed, and neither is an answer that was not kept (it broke
    off, or was too large): the call is made again, as an execution of its own.
    """
    binding = state.bindings.get((token.agent, command.key_hash))
    if binding is None or now >= binding.expires_at:
        return None
    if binding.fingerprint != command.fingerprint:
        return Denied(command.execution_id, token.agent, 422, "idempotency_key_reused")
    execution = state.executions.get(binding.execution_id)
    if execution is not None and execution.state in OPEN_STATES:
        return Underway(binding.execution_id)
    answer = state.answers.get(binding.execution_id)
    if answer is not None and now < answer.expires_at:
        return Replayed(binding.execution_id)
    return None


def _unfit(command: Admit) -> str:
    """Why the books could not hold such a call; they keep integers up to 2^53 - 1."""
    quote = command.quote
    counts = {
        "the bound of its input": command.input_tokens_max,
        "its output cap": quote.output_tokens_cap,
        "its fixed cost": quote.fixed_nanousd,
        "its token count": command.tokens_max,
    }
    if min(counts.values()) >= 0 and max(counts.values()) <= MAX_NANOUSD:
        return ""
    what, count = next(item for item in counts.items() if not 0 <= item[1] <= MAX_NANOUSD)
    return f"{what} is {count}, not within 0 and 2^53 - 1"


def standing(
    execution_id: str, claimed: str | None, token: Token, levels: Sequence[Agent], now: int
) -> Denied | None:
    """Why the token is good for nothing; None where it is. claimed: the agent named beside it."""

    def deny(status: int, code: str) -> Denied:
        return Denied(execution_id, token.agent, status, code, "", token.account)

    if token.revoked_at:
        return deny(401, "token_revoked")
    if 0 < token.expires_at <= now:
        return deny(401, "token_expired")
    for level in levels:
        if 0 < level.expires_at <= now:
            return deny(401, "token_expired")
    if claimed is not None and claimed != token.agent:
        return deny(401, "token_of_another_agent")
    if token.scope != "execution":
        return deny(403, "token_scope")
    return None


def serving(execution_id: str, agent: str, levels: Sequence[Agent]) -> Denied | None:
    """The refusal of the nearest account that is not to serve calls; None where all are."""
    for level in levels:
        if level.lifecycle_state not in SERVING:
            return Denied(
                execution_id,
                agent,
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
    state: State, command: Admit, token: Token, levels: Sequence[Agent], now: int
) -> tuple[Denied | None, dict[str, int]]:
    """The limits that a call takes cells of, on every level; keys are `account/kind`."""
    taken: dict[str, int] = {}
    for level in levels:
        for kind, limit, cells, what in (
            ("rpm", level.rpm, 1, "requests"),
            ("tpm", level.tpm, rates.bounded(command.tokens_max, level.tpm), "tokens"),
        ):
            if not limit or not cells:
                continue
            tat, wait = rates.conform(state.rates.get((level.name, kind), 0), now, limit, cells)
            if wait:
                denial = Denied(
                    command.execution_id,
                    token.agent,
                    429,
                    "rate_limited",
                    f"{limit} {what} per minute",
                    level.name,
                    retry_after_ns=wait,
                )
                return denial, {}
            taken[f"{level.name}/{kind}"] = tat
    return None, taken


def _token_cells(command: Admit, levels: Sequence[Agent]) -> int:
    """The cells to be given back where they are not used: no more than any level counted."""
    if not command.metered:
        return 0
    limits = (level.tpm for level in levels if level.tpm)
    return min((rates.bounded(command.tokens_max, limit) for limit in limits), default=0)


def _facts(command: Admit, token: Token) -> dict[str, Any]:
    led: dict[str, Any] = {}
    if command.alias:
        led = {"alias": command.alias, "route_tag": command.route_tag}
    if command.judged is not None:
        led["policy"] = _policy(command.judged)
    return led | {
        "door": command.door,
        "endpoint": command.endpoint,
        "fingerprint": command.fingerprint,
        "gateway": command.gateway,
        "idempotency_key": command.key_hash,
        "input_tokens_max": command.input_tokens_max,
        "model": command.model,
        "payer": token.account,
        "provider": command.provider,
        "retry_of": command.retry_of,
        "stream": int(command.stream),
        "token_id": token.token_id,
    }


def _policy(judged: Judged) -> dict[str, Any]:
    said: dict[str, Any] = {"hash": judged.digest}
    if judged.shadow:
        said["shadow"] = list(judged.shadow)
    if judged.obligations:
        said["obligations"] = list(judged.obligations)
    return said


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
    command: Admit,
    token: Token,
    levels: Sequence[Agent],
    cap: int,
    taken: dict[str, int],
    now: int,
) -> tuple[list[Draft], Outcome]:
    amount = command.quote.cost(cap)
    reserved = _facts(command, token) | {
        "key_expires_at": str(now + command.key_ttl_ns) if command.key_hash else "0",
        "output_tokens_cap": cap,
        "rates": {key: str(tat) for key, tat in taken.items()},
        "reserved_nanousd": amount,
        "tpm_cells": _token_cells(command, levels),
    }
    drafts = [
        Draft(events.RESERVED, token.agent, command.execution_id, reserved),
        Draft(events.DISPATCHED, token.agent, command.execution_id, {}),
    ]
    held = tuple(level.caps for level in levels if level.caps)
    return drafts, Admitted(command.execution_id, token.agent, amount, cap, held)
