"""Administration: tokens, gateways, and what happened to the ledger as a whole.

Owns: these acts, each an event with its actor. (Accounts: accounts.py.)
Refuses to know: where the actor's name comes from, how tokens are made.
"""

from __future__ import annotations

from ledger import events
from ledger.admin_commands import (
    CAPTURE,
    Fence,
    IssueToken,
    NoteBypass,
    NoteEgress,
    NoteGateway,
    NoteRestore,
    RevokeToken,
)
from ledger.events import Draft
from ledger.outcomes import Done, Outcome, Rejected
from ledger.state import DELETED, State, Token

SCOPES = ("execution", "read-only")

_OF_GATEWAYS = {
    "started": events.GATEWAY_STARTED,
    "stopped": events.GATEWAY_STOPPED,
    "configured": events.GATEWAY_CONFIGURED,
}


def missing(state: State, name: str) -> Rejected | None:
    """The refusal where no agent or team of this name lives."""
    agent = state.agents.get(name)
    if agent is None or agent.lifecycle_state == DELETED:
        return Rejected(f"there is no agent {name!r}; `aex agent list` shows those there are")
    return None


def issue_token(state: State, command: IssueToken) -> tuple[list[Draft], Outcome]:
    """A further token, or with revoke_others the only one from now on."""
    refusal = missing(state, command.name)
    if refusal is not None:
        return [], refusal
    if state.agents[command.name].kind != "agent":
        return [], Rejected(f"{command.name} is no agent; tokens are of agents and their runs")
    if command.scope not in SCOPES:
        return [], Rejected(f"a token's scope is one of {', '.join(SCOPES)}")
    if command.token_hash in state.tokens:
        return [], Rejected("this token exists already")
    drafts = _revocations(state, command) if command.revoke_others else []
    return [*drafts, issued(command)], Done(command.name)


def _revocations(state: State, command: IssueToken) -> list[Draft]:
    # A rotation is of the agent's own tokens; those of its runs end with the runs, and those that
    # a gateway holds for it were never shown to anybody.
    return [
        revoked(command.name, token.token_hash, "rotated", command.actor)
        for token in by_age(state)
        if token.account == command.name and not token.revoked_at and token.label != CAPTURE
    ]


def revoke_token(state: State, command: RevokeToken) -> tuple[list[Draft], Outcome]:
    """Ends a token; one that has ended already stays as it is."""
    token = state.tokens.get(command.token_hash)
    if token is None:
        return [], Rejected("no such token")
    if token.revoked_at:
        return [], Done(token.agent)
    return [revoked(token.agent, token.token_hash, command.reason, command.actor)], Done(
        token.agent
    )


def note_gateway(command: NoteGateway) -> tuple[list[Draft], Outcome]:
    """Records that a gateway started, stopped, or works by another configuration from here on."""
    kind = _OF_GATEWAYS.get(command.what)
    if kind is None:
        return [], Rejected(f"a gateway is one of {', '.join(_OF_GATEWAYS)}")
    payload = {"gateway": command.gateway, **command.detail}
    return [Draft(kind, None, None, payload)], Done(command.gateway)


def note_bypass(state: State, command: NoteBypass) -> tuple[list[Draft], Outcome]:
    """Records that an agent's process went around AEX; it moves no money."""
    if command.name not in state.agents:
        return [], Rejected(f"there is no agent {command.name!r}")
    payload = {
        "actor": command.actor,
        "address": command.address,
        "blocked": command.blocked,
        "host": command.host,
        "port": command.port,
        "program": command.program,
        "run": command.run,
    }
    return [Draft(events.BYPASS_SEEN, command.name, None, payload)], Done(command.name)


def note_egress(state: State, command: NoteEgress) -> tuple[list[Draft], Outcome]:
    """Records which host was reached, or was not to be; it moves no money."""
    if command.name and command.name not in state.agents:
        return [], Rejected(f"there is no agent {command.name!r}")
    payload = {
        "account": command.account,
        "gateway": command.gateway,
        "host": command.host,
        "outcome": command.outcome,
        "port": command.port,
    }
    return [Draft(events.EGRESS_SEEN, command.name or None, None, payload)], Done(command.name)


def fence(state: State, command: Fence) -> tuple[list[Draft], Outcome]:
    """Shuts a gateway out, once. Who was shut out itself may have slept since it judged."""
    if command.by in state.fenced:
        return [], Rejected(f"gateway {command.by} was shut out itself; it judges nobody")
    if command.gateway in state.fenced:
        return [], Done(command.gateway)
    payload = {"by": command.by, "gateway": command.gateway, "reason": command.reason}
    return [Draft(events.GATEWAY_FENCED, None, None, payload)], Done(command.gateway)


def note_restore(command: NoteRestore) -> tuple[list[Draft], Outcome]:
    """Begins a new epoch: what outside copies know beyond this point was replaced on purpose."""
    if not command.reason:
        return [], Rejected("a restore names its reason")
    payload = {
        "actor": command.actor,
        "epoch": command.after_epoch + 1,
        "reason": command.reason,
        "replaced_hash": command.replaced_hash,
        "replaced_seq": command.replaced_seq,
        "restore_id": command.restore_id,
        "signed_seq": command.signed_seq,
    }
    return [Draft(events.LEDGER_RESTORED, None, None, payload)], Done("ledger")


def why(reason: str) -> dict[str, str]:
    """The reason in a payload; none where nobody gave one."""
    return {"reason": reason} if reason else {}


def by_age(state: State) -> list[Token]:
    """The tokens, oldest first: the same order whatever a batch has loaded."""
    return sorted(state.tokens.values(), key=lambda token: token.created_at)


def issued(command: IssueToken, account: str | None = None) -> Draft:
    """The event of a token; it pays from `account`, which is the agent itself if None."""
    payload = {
        "account": account or command.name,
        "actor": command.actor,
        "expires_at": str(command.expires_at),
        "label": command.label,
        "scope": command.scope,
        "token_hash": command.token_hash,
        "token_id": command.token_id,
        **why(command.reason),
    }
    return Draft(events.TOKEN_ISSUED, command.name, None, payload)


def revoked(name: str, token_hash: str, reason: str, actor: str) -> Draft:
    """The event of a token's end."""
    payload = {"actor": actor, "reason": reason, "token_hash": token_hash}
    return Draft(events.TOKEN_REVOKED, name, None, payload)
