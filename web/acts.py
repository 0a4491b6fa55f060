"""Acting on accounts: each act is one command of the ledger, with its actor and its reason.

Owns: which command an act is, for the API and for the page's forms alike.
Refuses to know: HTTP bodies and forms, how commands are carried out.
"""

from __future__ import annotations

from typing import Any

from ledger.admin_commands import (
    Command,
    CreateAgent,
    CreditAgent,
    IssueToken,
    SetLimits,
    SetState,
    Withdraw,
)
from ledger.events import storable
from ledger.outcomes import Rejected
from ledger.state import DELETED, Agent
from web.bodies import Create, Limits
from web.handed import Handed
from web.problems import Problem
from web.shapes import agent_shape, iso

_SECOND = 1_000_000_000


class Acts:
    """What an operator can do; `actor` is named in every event."""

    def __init__(self, handed: Handed) -> None:
        self._handed = handed

    def account(self, name: str) -> Agent:
        """An account that lives. Raises Problem (404)."""
        with self._handed.open_reader() as reader:
            found = reader.agent(name) if storable(name) else None
        if found is None or found.lifecycle_state == DELETED:
            raise Problem(
                404,
                "no_such_agent",
                f"There is no agent or team {name!r}.",
                "/admin/agents and `aex agent list` show those there are.",
            )
        return found

    def move(self, name: str, state: str, reason: str, actor: str) -> dict[str, Any]:
        """Another lifecycle state."""
        self.account(name)
        carry_out(self._handed, SetState(name, state, reason, actor))
        return self.shape(name)

    def top_up(self, name: str, nanousd: int, reason: str, actor: str) -> dict[str, Any]:
        """More budget."""
        self.account(name)
        carry_out(self._handed, CreditAgent(name, nanousd, reason, actor))
        return self.shape(name)

    def withdraw(self, name: str, nanousd: int, reason: str, actor: str) -> dict[str, Any]:
        """Less budget, of what is left."""
        self.account(name)
        carry_out(self._handed, Withdraw(name, nanousd, reason, actor))
        return self.shape(name)

    def limits(self, name: str, wish: Limits, actor: str) -> dict[str, Any]:
        """Other limits; at least one."""
        self.account(name)
        changes = wish.model_dump(exclude={"reason", "caps"}, exclude_none=True)
        if wish.caps:
            changes["caps"] = wish.caps
        if not changes:
            raise Problem(400, "invalid_request", "No limit is named.", 'Name one, as "rpm": 60.')
        carry_out(self._handed, SetLimits(name, actor, **changes, reason=wish.reason))
        return self.shape(name)

    def rotate(self, name: str, ttl_seconds: int | None, reason: str, actor: str) -> dict[str, Any]:
        """A new token in the place of all others; shown this once."""
        self.account(name)
        token, expires_at = self._handed.mint(), self._end(ttl_seconds)
        command = IssueToken(
            name=name,
            token_hash=token.token_hash,
            token_id=token.token_id,
            scope="execution",
            label="rotated",
            expires_at=expires_at,
            actor=actor,
            revoke_others=True,
            reason=reason,
        )
        carry_out(self._handed, command)
        return {
            "name": name,
            "token": token.secret,
            "token_id": token.token_id,
            "token_expires_at": iso(expires_at),
        }

    def create(self, wish: Create, budget_nanousd: int, actor: str) -> dict[str, Any]:
        """A new agent, whose token is shown this once, or a new team."""
        token = self._handed.mint() if wish.kind == "agent" else None
        expires_at = self._end(wish.ttl_seconds)
        command = CreateAgent(
            name=wish.name,
            budget_nanousd=budget_nanousd,
            rpm=wish.rpm,
            tpm=wish.tpm,
            actor=actor,
            token_hash=token.token_hash if token else "",
            token_id=token.token_id if token else "",
            token_expires_at=expires_at,
            on_short_budget=wish.on_short_budget,
            min_output_tokens=wish.min_output_tokens,
            kind=wish.kind,
            parent=wish.team,
            budget_window=wish.budget_window,
            caps=wish.caps,
            reason=wish.reason,
        )
        carry_out(self._handed, command)
        made = self.shape(wish.name)
        if token is not None:
            made |= {
                "token": token.secret,
                "token_id": token.token_id,
                "token_expires_at": iso(expires_at),
            }
        return made

    def shape(self, name: str) -> dict[str, Any]:
        """The account as it stands."""
        return agent_shape(self.account(name), self._handed.now())

    def _end(self, ttl_seconds: int | None) -> int:
        return self._handed.now() + ttl_seconds * _SECOND if ttl_seconds else 0


def carry_out(handed: Handed, command: Command) -> None:
    """One command of the ledger. Raises Problem (409) with the reason where it is refused."""
    outcome = handed.execute(command)
    if isinstance(outcome, Rejected):
        sentence = outcome.message[:1].upper() + outcome.message[1:].rstrip(".") + "."
        raise Problem(409, "command_refused", sentence, "Nothing was changed.")
