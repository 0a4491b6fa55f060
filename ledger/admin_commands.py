"""What an operator, or a gateway about itself, can ask of the kernel.

Owns: the commands of administration. Outcomes and the commands of calls are in commands.py.
Refuses to know: how any of it is decided (administration.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.commands import CallCommand


@dataclass(frozen=True, slots=True)
class CreateAgent:
    """A new account with its first credit and, but for a team, its first token.

    kind: `team` or `agent`; runs are made by OpenRun. token_expires_at: 0 is never. caps: by name,
    see caps.py.
    """

    name: str
    budget_nanousd: int
    rpm: int
    tpm: int
    actor: str
    token_hash: str
    token_id: str
    token_expires_at: int = 0
    on_short_budget: str = "clamp"
    min_output_tokens: int = 256
    kind: str = "agent"
    parent: str | None = None
    budget_window: str = "total"
    reason: str = ""
    caps: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run below an account, with a budget and a token of its own, for a limited time.

    by_token_hash: the token that asks, where an agent asks for itself: its run cannot outlive
    that token nor get more than its account has left. "" where the operator asks. Its caps hold
    beside those of all accounts above it.
    """

    name: str
    run: str
    by_token_hash: str
    budget_nanousd: int
    rpm: int
    expires_at: int
    actor: str
    token_hash: str
    token_id: str
    caps: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Changes limits; None leaves one as it is. Credits and withdrawals change the budget.

    caps: those to be changed, by name; one that is None in it is taken away.
    """

    name: str
    actor: str
    rpm: int | None = None
    tpm: int | None = None
    on_short_budget: str | None = None
    min_output_tokens: int | None = None
    budget_window: str | None = None
    reason: str = ""
    caps: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CreditAgent:
    """Adds to an agent's budget; never edits what was spent."""

    name: str
    amount_nanousd: int
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Takes back what is left of an agent's budget, or a part of it."""

    name: str
    amount_nanousd: int
    reason: str
    actor: str


# The label of tokens that a gateway holds in memory, for agents that carry none themselves.
CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class IssueToken:
    """A further token. `revoke_others` makes it a rotation; expires_at 0 is never."""

    name: str
    token_hash: str
    token_id: str
    scope: str
    label: str
    expires_at: int
    actor: str
    revoke_others: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """Ends one token, such as a run's when the run has ended."""

    token_hash: str
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class DeleteAgent:
    """Ends an agent: its tokens are revoked, its history stays."""

    name: str
    actor: str


@dataclass(frozen=True, slots=True)
class SetState:
    """Moves an account to another lifecycle state, such as PAUSED; says why."""

    name: str
    state: str
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class NoteGateway:
    """What became of a gateway: started | stopped | configured (anew, with who and what)."""

    gateway: str
    what: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fence:
    """Shuts out a gateway that is taken for lost: it can admit nothing from here on.

    `by` is the gateway that judges, "" where an operator does. One that was shut out itself is
    refused.
    """

    gateway: str
    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class NoteRestore:
    """Records that the ledger was replaced by a back-up, and what stood before.

    restore_id: random, so that no two restores leave the same log.
    signed_seq, after_epoch: how far what was signed of this ledger goes, and the latest epoch
    that is known of it anywhere, its own log included.
    """

    actor: str
    reason: str
    replaced_seq: int
    replaced_hash: str
    restore_id: str = ""
    signed_seq: int = 0
    after_epoch: int = 0


@dataclass(frozen=True, slots=True)
class NoteBypass:
    """A process of an agent went, or tried to go, to a governed host without AEX.

    `run` is the account or token of the run; `blocked` says that it reached nothing.
    """

    name: str
    run: str
    host: str
    address: str
    port: int
    program: str
    blocked: bool
    actor: str


@dataclass(frozen=True, slots=True)
class InstallTool:
    """Takes a tool in, in the place of another version of it; it is then disabled.

    sha256: of its package (hex); digest: of the manifest, which is kept as the text that it is.
    """

    tool: str
    version: str
    sha256: str
    digest: str
    manifest: str
    cost_nanousd: int
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetTool:
    """Makes a tool `enabled`, `disabled` or `removed`.

    digest: of the manifest that the actor has looked at, "" for whichever is installed.
    """

    tool: str
    state: str
    actor: str
    reason: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class LendToken:
    """A further token beside the one that asks, for a tool that calls as its agent does.

    It pays from the same account, and ends at expires_at or with the token that asks.
    """

    by_token_hash: str
    token_hash: str
    token_id: str
    expires_at: int
    actor: str


@dataclass(frozen=True, slots=True)
class NoteEgress:
    """A connection to a host beside the providers, the first of its kind in a while.

    name, account: the agent and what of it asked (a run); "" where nobody was named.
    outcome: `passed`, or the code of the refusal. host `*` stands for all that are not told.
    """

    name: str
    account: str
    host: str
    port: int
    outcome: str
    gateway: str


AdminCommand = (
    CreateAgent
    | OpenRun
    | CreditAgent
    | Withdraw
    | SetLimits
    | IssueToken
    | RevokeToken
    | DeleteAgent
    | SetState
    | NoteGateway
    | Fence
    | NoteBypass
    | NoteEgress
    | NoteRestore
    | InstallTool
    | SetTool
    | LendToken
)

Command = CallCommand | AdminCommand
