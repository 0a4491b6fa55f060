"""A further token for an agent: what `rotate-token`, `env` and `run` have in common.

Owns: minting a token and putting its hash into the ledger, for an agent or a run of its own.
Refuses to know: what the token is for.
"""

from __future__ import annotations

from aex_addon.cli.accounts import require
from aex_addon.cli.context import Context
from aex_addon.tokens import Token, mint


def sole_agent(context: Context) -> str:
    """The only agent there is, for commands that name none. Raises CommandRefused for others."""
    from ledger.errors import CommandRefused

    with context.reader() as reader:
        names = [one.name for one in reader.agents() if one.kind == "agent"]
    if len(names) == 1:
        return names[0]
    if not names:
        raise CommandRefused("there is no agent yet; `aex agent create NAME USD RPM` makes one")
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    raise CommandRefused(f"say who pays, with --agent NAME: {listed}")


def issue_token(
    context: Context, agent: str, label: str, ttl_ns: int | None, *, revoke_others: bool = False
) -> tuple[Token, int]:
    """The token, and when it expires (0: never). Raises CommandRefused for no such agent."""
    from ledger.admin_commands import IssueToken

    require(context, agent, "agent")
    token = mint()
    expires_at = context.now_ns() + ttl_ns if ttl_ns else 0
    context.execute(
        IssueToken(
            name=agent,
            token_hash=token.token_hash,
            token_id=token.token_id,
            scope="execution",
            label=label,
            expires_at=expires_at,
            actor=context.actor,
            revoke_others=revoke_others,
        )
    )
    return token, expires_at


def open_run(
    context: Context, agent: str, run: str, budget_nanousd: int, ttl_ns: int
) -> tuple[Token, str]:
    """A run below an agent: its token, and the name of its account. Raises CommandRefused."""
    from ledger.admin_commands import OpenRun

    require(context, agent, "agent")
    token = mint()
    context.execute(
        OpenRun(
            name=agent,
            run=run,
            by_token_hash="",
            budget_nanousd=budget_nanousd,
            rpm=0,
            expires_at=context.now_ns() + ttl_ns,
            actor=context.actor,
            token_hash=token.token_hash,
            token_id=token.token_id,
        )
    )
    return token, f"{agent}/{run}"
