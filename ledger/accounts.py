"""Accounts: the budget tree of teams, agents and runs.

Owns: what an operator may do to an account, and an agent to a run of its own; each act an event
with its actor.
Refuses to know: where the actor's name comes from, how calls are admitted.
"""

from __future__ import annotations

import re
from typing import Any

from ledger import caps, events
from ledger.admin_commands import (
    CreateAgent,
    CreditAgent,
    DeleteAgent,
    IssueToken,
    OpenRun,
    SetLimits,
)
from ledger.administration import by_age, issued, missing, revoked, why
from ledger.admission import SERVING, lineage
from ledger.events import Draft
from ledger.limits import changed
from ledger.money import MAX_NANOUSD, show_usd
from ledger.outcomes import Done, Outcome, Rejected
from ledger.state import DELETED, Agent, State, Token
from ledger.windows import WINDOWS, start_of

# The name stands in proxy URLs, metrics labels and file names: no character needs escaping.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
DEPTH_MAX = 6
_KINDS = ("team", "agent")


def create_agent(state: State, command: CreateAgent, now: int) -> tuple[list[Draft], Outcome]:
    """A name is taken while its account lives; a deleted one may be created again."""
    problem = _unfit_name(command.name) or _unfit(command) or _taken(state, command)
    if problem:
        return [], Rejected(problem)
    created: dict[str, Any] = {
        "actor": command.actor,
        "budget_nanousd": command.budget_nanousd,
        "budget_window": command.budget_window,
        "kind": command.kind,
        "min_output_tokens": command.min_output_tokens,
        "on_short_budget": command.on_short_budget,
        "parent": command.parent,
        "rpm": command.rpm,
        "tpm": command.tpm,
        **why(command.reason),
    }
    if command.name in state.agents:
        # What the deleted account took is not on the new one's bill, nor given back to it.
        limits = command.rpm, command.tpm
        created["rates"] = changed(state, command.name, (0, 0), limits, now)
    if command.caps:
        created["caps"] = caps.changed("", command.caps)
    drafts = [Draft(events.AGENT_CREATED, command.name, None, created)]
    if command.token_hash:
        token = IssueToken(
            command.name,
            command.token_hash,
            command.token_id,
            "execution",
            "first",
            command.token_expires_at,
            command.actor,
        )
        drafts.append(issued(token))
    return drafts, Done(command.name)


def _unfit_name(name: str) -> str:
    if NAME.match(name):
        return ""
    return (
        f"{name!r} cannot be an agent's name: up to 64 letters, digits, "
        "'.', '_' and '-', beginning with a letter or digit"
    )


def _unfit(command: CreateAgent) -> str:
    if command.kind not in _KINDS:
        return f"an account is one of {', '.join(_KINDS)}, not {command.kind!r}"
    if (command.kind == "team") == bool(command.token_hash):
        return "an agent has a token, and a team has none"
    if not 0 <= command.budget_nanousd <= MAX_NANOUSD:
        return f"a budget is at most {show_usd(MAX_NANOUSD)}"
    return caps.unfit(command.caps) or _unfit_limits(
        command.rpm,
        command.tpm,
        command.on_short_budget,
        command.min_output_tokens,
        command.budget_window,
    )


def _unfit_limits(rpm: int, tpm: int, short: str, least: int, window: str) -> str:
    if not (0 <= rpm <= MAX_NANOUSD and 0 <= tpm <= MAX_NANOUSD):
        return "a rate limit is 0 (none) or more per minute"
    if short not in ("clamp", "deny"):
        return f"on_short_budget is clamp or deny, not {short!r}"
    if not 1 <= least <= MAX_NANOUSD:
        return "min_output_tokens is 1 or more"
    if window not in WINDOWS:
        return f"a budget's window is one of {', '.join(WINDOWS)}, not {window!r}"
    return ""


def _taken(state: State, command: CreateAgent) -> str:
    existing = state.agents.get(command.name)
    if existing is not None and existing.lifecycle_state != DELETED:
        return f"{existing.kind} {command.name} exists; `aex agent top-up` adds to its budget"
    if command.token_hash in state.tokens:
        return "this token exists already"
    if existing is not None and existing.reserved_nanousd:
        return f"a deleted agent {command.name} still has calls under way; try again later"
    if existing is not None and existing.parent != command.parent:
        # Its history, and all that stands below it, is booked where it stood.
        place = f"below {existing.parent}" if existing.parent else "below no team"
        return f"{command.name} stood {place}; create it there again, or choose another name"
    if command.parent is None:
        return ""
    above = state.agents.get(command.parent)
    if above is None or above.kind != "team" or above.lifecycle_state == DELETED:
        return f"there is no team {command.parent!r}; `aex team list` shows those there are"
    if len(lineage(state, command.parent)) >= DEPTH_MAX:
        return f"a budget tree is at most {DEPTH_MAX} accounts deep"
    return ""


def open_run(state: State, command: OpenRun, now: int) -> tuple[list[Draft], Outcome]:
    """A run below an account; asked for by an agent, it is never more than the agent has."""
    asking: Token | None = None
    account = command.name
    if command.by_token_hash:
        asking = state.tokens.get(command.by_token_hash)
        if asking is None or asking.revoked_at:
            return [], Rejected("the token that asks is not a valid one")
        account = asking.account
    problem = _unfit_run(state, command, account, asking, now)
    if problem:
        return [], Rejected(problem)
    above = state.agents[account]
    # Runs of runs too belong to the agent, and end with it.
    owner = asking.agent if asking else account.partition("/")[0]
    name = f"{account}/{command.run}"
    expires_at = command.expires_at or _latest(above, asking)
    created = {
        "actor": command.actor,
        "budget_nanousd": command.budget_nanousd,
        "budget_window": "total",
        "expires_at": str(expires_at),
        "kind": "run",
        "min_output_tokens": above.min_output_tokens,
        "on_short_budget": above.on_short_budget,
        "parent": account,
        "rpm": command.rpm,
        "tpm": 0,
    }
    if command.caps:
        created["caps"] = caps.changed("", command.caps)
    token = IssueToken(
        owner,
        command.token_hash,
        command.token_id,
        "execution",
        command.run,
        expires_at,
        command.actor,
    )
    drafts = [Draft(events.AGENT_CREATED, name, None, created), issued(token, name)]
    return drafts, Done(name, expires_at)


def _unfit_run(state: State, command: OpenRun, account: str, asking: Token | None, now: int) -> str:
    above = state.agents.get(account)
    if above is None or above.kind == "team" or above.lifecycle_state not in SERVING:
        return f"there is no agent {account!r} that serves; `aex agent list` shows those there are"
    if not NAME.match(command.run):
        return _unfit_name(command.run).replace("an agent's", "a run's")
    if f"{account}/{command.run}" in state.agents:
        return f"run {command.run} of {account} exists already; choose another name"
    if command.token_hash in state.tokens:
        return "this token exists already"
    if len(lineage(state, account)) >= DEPTH_MAX:
        return f"a budget tree is at most {DEPTH_MAX} accounts deep"
    if not 0 <= command.budget_nanousd <= MAX_NANOUSD or command.rpm < 0:
        return f"a run's budget is at most {show_usd(MAX_NANOUSD)}"
    problem = caps.unfit(command.caps)
    return problem or (_beyond(command, above, asking, now) if asking is not None else "")


def _beyond(command: OpenRun, above: Agent, asking: Token, now: int) -> str:
    """Why an agent may not hand on so much; "" where it may."""
    if asking.scope != "execution":
        return "this token may not open runs"
    left = max(above.remaining_nanousd, 0)
    if start_of(above.budget_window, now) > above.window_start:
        left = above.budget_nanousd - above.reserved_nanousd
    if command.budget_nanousd > left:
        return f"the run's budget is above what is left, {show_usd(left)}"
    latest = _latest(above, asking)
    if latest and command.expires_at > latest:
        return "the run would outlive the token that asks for it"
    if above.rpm and command.rpm > above.rpm:
        return f"the run's rate is above the account's, {above.rpm} per minute"
    return ""


def _latest(above: Agent, asking: Token | None) -> int:
    """When a run must end at last; 0 where nothing says so."""
    ends = (above.expires_at, asking.expires_at if asking else 0)
    return min((at for at in ends if at), default=0)


def credit_agent(state: State, command: CreditAgent) -> tuple[list[Draft], Outcome]:
    """Adds credit; the sum of credits stays within MAX_NANOUSD."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    agent = state.agents[command.name]
    if not 0 < command.amount_nanousd <= MAX_NANOUSD:
        return [], Rejected(f"a top-up is above 0 and at most {show_usd(MAX_NANOUSD)}")
    if agent.budget_nanousd + command.amount_nanousd > MAX_NANOUSD:
        return [], Rejected(f"the budget would be above {show_usd(MAX_NANOUSD)}, the largest")
    payload = {
        "actor": command.actor,
        "amount_nanousd": command.amount_nanousd,
        "reason": command.reason,
    }
    return [Draft(events.AGENT_CREDITED, command.name, None, payload)], Done(command.name)


def set_limits(state: State, command: SetLimits, now: int) -> tuple[list[Draft], Outcome]:
    """Changes what is named; the event holds the limits as they are from here on."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    agent = state.agents[command.name]
    rpm = agent.rpm if command.rpm is None else command.rpm
    tpm = agent.tpm if command.tpm is None else command.tpm
    short = command.on_short_budget or agent.on_short_budget
    least = agent.min_output_tokens
    if command.min_output_tokens is not None:
        least = command.min_output_tokens
    window = command.budget_window or agent.budget_window
    problem = _unfit_limits(rpm, tpm, short, least, window) or caps.unfit(command.caps)
    if problem:
        return [], Rejected(problem)
    payload: dict[str, Any] = {
        "actor": command.actor,
        "budget_window": window,
        "min_output_tokens": least,
        "on_short_budget": short,
        "rates": changed(state, command.name, (agent.rpm, agent.tpm), (rpm, tpm), now),
        "rpm": rpm,
        "tpm": tpm,
        **why(command.reason),
    }
    if command.caps is not None:
        payload["caps"] = caps.changed(agent.caps, command.caps)
    return [Draft(events.AGENT_LIMITS, command.name, None, payload)], Done(command.name)


def delete_agent(state: State, command: DeleteAgent) -> tuple[list[Draft], Outcome]:
    """Ends the account. Calls under way still settle; nothing is removed from the log."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    drafts = [
        revoked(token.agent, token.token_hash, "agent deleted", command.actor)
        for token in by_age(state)
        if f"{token.account}/".startswith(f"{command.name}/") and not token.revoked_at
    ]
    drafts.append(Draft(events.AGENT_DELETED, command.name, None, {"actor": command.actor}))
    return drafts, Done(command.name)
