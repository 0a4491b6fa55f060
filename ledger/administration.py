"""Administration: agents and their tokens.

Owns: what an operator may do to the books, each act an event with its actor.
Refuses to know: where the actor's name comes from, how tokens are made.
"""

from __future__ import annotations

import re

from ledger import events
from ledger.commands import (
    CreateAgent,
    CreditAgent,
    DeleteAgent,
    Done,
    IssueToken,
    NoteGateway,
    Outcome,
    Rejected,
    RevokeToken,
)
from ledger.events import Draft
from ledger.money import MAX_NANOUSD, show_usd
from ledger.state import State

# The name stands in proxy URLs, metrics labels and file names: no character needs escaping.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
DELETED = "DECOMMISSIONED"
SCOPES = ("execution", "read-only")


def create_agent(state: State, command: CreateAgent) -> tuple[list[Draft], Outcome]:
    """A name is taken while its agent lives; a deleted one may be created again."""
    problem = _unfit(command)
    existing = state.agents.get(command.name)
    if existing is not None and existing.lifecycle_state != DELETED:
        problem = f"agent {command.name} exists; `aex agent top-up` adds to its budget"
    elif command.token_hash in state.tokens:
        problem = "this token exists already"
    elif existing is not None and existing.reserved_nanousd:
        problem = f"a deleted agent {command.name} still has calls under way; try again later"
    if problem:
        return [], Rejected(problem)
    created = {
        "actor": command.actor,
        "budget_nanousd": command.budget_nanousd,
        "kind": "agent",
        "min_output_tokens": command.min_output_tokens,
        "on_short_budget": command.on_short_budget,
        "parent": None,
        "rpm": command.rpm,
        "tpm": command.tpm,
    }
    token = IssueToken(
        command.name,
        command.token_hash,
        command.token_id,
        "execution",
        "first",
        command.token_expires_at,
        command.actor,
    )
    drafts = [Draft(events.AGENT_CREATED, command.name, None, created), _issued(token)]
    return drafts, Done(command.name)


def _unfit(command: CreateAgent) -> str:
    if not NAME.match(command.name):
        return (
            f"{command.name!r} cannot be an agent's name: up to 64 letters, digits, "
            "'.', '_' and '-', beginning with a letter or digit"
        )
    if not 0 <= command.budget_nanousd <= MAX_NANOUSD:
        return f"a budget is at most {show_usd(MAX_NANOUSD)}"
    if command.rpm < 0 or command.tpm < 0:
        return "a rate limit is 0 (none) or more per minute"
    if command.on_short_budget not in ("clamp", "deny"):
        return f"on_short_budget is clamp or deny, not {command.on_short_budget!r}"
    if command.min_output_tokens < 1:
        return "min_output_tokens is 1 or more"
    return ""


def credit_agent(state: State, command: CreditAgent) -> tuple[list[Draft], Outcome]:
    """Adds credit; the sum of credits stays within MAX_NANOUSD."""
    refusal = _missing(state, command.name)
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


def issue_token(state: State, command: IssueToken) -> tuple[list[Draft], Outcome]:
    """A further token, or with revoke_others the only one from now on."""
    refusal = _missing(state, command.name)
    if refusal is not None:
        return [], refusal
    if command.scope not in SCOPES:
        return [], Rejected(f"a token's scope is one of {', '.join(SCOPES)}")
    if command.token_hash in state.tokens:
        return [], Rejected("this token exists already")
    drafts = _revocations(state, command) if command.revoke_others else []
    return [*drafts, _issued(command)], Done(command.name)


def _revocations(state: State, command: IssueToken) -> list[Draft]:
    return [
        _revoked(command.name, token.token_hash, "rotated", command.actor)
        for token in state.tokens.values()
        if token.agent == command.name and not token.revoked_at
    ]


def revoke_token(state: State, command: RevokeToken) -> tuple[list[Draft], Outcome]:
    """Ends a token; one that has ended already stays as it is."""
    token = state.tokens.get(command.token_hash)
    if token is None:
        return [], Rejected("no such token")
    if token.revoked_at:
        return [], Done(token.agent)
    return [_revoked(token.agent, token.token_hash, command.reason, command.actor)], Done(
        token.agent
    )


def delete_agent(state: State, command: DeleteAgent) -> tuple[list[Draft], Outcome]:
    """Ends the agent. Calls under way still settle; nothing is removed from the log."""
    refusal = _missing(state, command.name)
    if refusal is not None:
        return [], refusal
    drafts = [
        _revoked(command.name, token.token_hash, "agent deleted", command.actor)
        for token in state.tokens.values()
        if token.agent == command.name and not token.revoked_at
    ]
    drafts.append(Draft(events.AGENT_DELETED, command.name, None, {"actor": command.actor}))
    return drafts, Done(command.name)


def note_gateway(command: NoteGateway) -> tuple[list[Draft], Outcome]:
    """Records that a gateway started or stopped."""
    kind = events.GATEWAY_STARTED if command.what == "started" else events.GATEWAY_STOPPED
    payload = {"gateway": command.gateway, **command.detail}
    return [Draft(kind, None, None, payload)], Done(command.gateway)


def _missing(state: State, name: str) -> Rejected | None:
    agent = state.agents.get(name)
    if agent is None or agent.lifecycle_state == DELETED:
        return Rejected(f"there is no agent {name!r}; `aex agent list` shows those there are")
    return None


def _issued(command: IssueToken) -> Draft:
    payload = {
        "actor": command.actor,
        "expires_at": str(command.expires_at),
        "label": command.label,
        "scope": command.scope,
        "token_hash": command.token_hash,
        "token_id": command.token_id,
    }
    return Draft(events.TOKEN_ISSUED, command.name, None, payload)


def _revoked(name: str, token_hash: str, reason: str, actor: str) -> Draft:
    payload = {"actor": actor, "reason": reason, "token_hash": token_hash}
    return Draft(events.TOKEN_REVOKED, name, None, payload)
