"""`aex agent …`: who may spend how much.

Owns: the commands that change agents and their tokens. A token is printed once, here.
Refuses to know: how the ledger decides; listing and inspecting (agents_show.py).
"""

from __future__ import annotations

from typing import Any

import click

from aex_addon.cli.agents_show import inspect_agent, list_agents
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, say
from aex_addon.cli.values import Duration, Usd

_COUNT = click.IntRange(min=0)


@click.group()
def agent() -> None:
    """Agents: their budgets, limits and tokens."""


agent.add_command(list_agents)
agent.add_command(inspect_agent)


@agent.command()
@click.argument("name")
@click.argument("budget_usd", type=Usd())
@click.argument("rpm", type=_COUNT)
@click.option("--tpm", type=_COUNT, default=0, help="Tokens a minute; 0 is no limit.")
@click.option("--ttl", type=Duration(), default=None, help="How long the token holds, as 30d.")
@click.option(
    "--on-short-budget",
    type=click.Choice(["clamp", "deny"]),
    default="clamp",
    show_default=True,
    help="When the rest of the budget cannot carry a whole answer: a shorter one, or none.",
)
@click.option(
    "--min-output-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="The shortest answer that is worth having.",
)
@json_option
@pass_context
def create(
    context: Context,
    name: str,
    budget_usd: int,
    rpm: int,
    tpm: int,
    ttl: int | None,
    on_short_budget: str,
    min_output_tokens: int,
    as_json: bool,
) -> None:
    """Create an agent that may spend BUDGET_USD, with RPM calls a minute (0: no limit).

    Its token is shown this once.

    \b
    aex agent create shop 5.00 60
    """
    from aex_addon.cli.shapes import amounts, iso
    from aex_addon.tokens import mint
    from ledger.commands import CreateAgent

    token = mint()
    expires_at = context.now_ns() + ttl if ttl else 0
    context.execute(
        CreateAgent(
            name=name,
            budget_nanousd=budget_usd,
            rpm=rpm,
            tpm=tpm,
            actor=context.actor,
            token_hash=token.token_hash,
            token_id=token.token_id,
            token_expires_at=expires_at,
            on_short_budget=on_short_budget,
            min_output_tokens=min_output_tokens,
        )
    )
    shape: dict[str, Any] = {
        "name": name,
        "token": token.secret,
        "token_id": token.token_id,
        "token_expires_at": iso(expires_at),
        **amounts(budget=budget_usd),
        "rpm": rpm,
        "tpm": tpm,
        "on_short_budget": on_short_budget,
        "min_output_tokens": min_output_tokens,
    }
    if as_json:
        emit(shape)
        return
    limits = f"{rpm or 'any number of'} calls a minute"
    _show_token(shape, ("budget", f"${shape['budget_usd']}"), ("limit", limits))
    say(f"Run something as {name}:  aex run --agent {name} -- COMMAND")


@agent.command("top-up")
@click.argument("name")
@click.argument("usd", type=Usd())
@click.option("--reason", default="", help="Stands in the log beside the amount.")
@json_option
@pass_context
def top_up(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Add USD to an agent's budget.

    \b
    aex agent top-up shop 2.50 --reason "end of month"
    """
    from aex_addon.cli.shapes import agent_shape
    from ledger.commands import CreditAgent

    context.execute(CreditAgent(name, usd, reason, context.actor))
    with context.reader() as reader:
        found = reader.agent(name)
    shape = agent_shape(found) if found else {"name": name}
    if as_json:
        emit(shape)
    else:
        balances = [(key, f"${shape[f'{key}_usd']}") for key in ("budget", "remaining")]
        facts([("agent", name), *balances])


@agent.command("rotate-token")
@click.argument("name")
@click.option("--ttl", type=Duration(), default=None, help="How long the new token holds.")
@json_option
@pass_context
def rotate_token(context: Context, name: str, ttl: int | None, as_json: bool) -> None:
    """Replace all of an agent's tokens by a new one, shown this once.

    Commands that `aex run` has under way lose theirs too.

    \b
    aex agent rotate-token shop --ttl 90d
    """
    from aex_addon.cli.issue import issue_token
    from aex_addon.cli.shapes import iso

    token, expires_at = issue_token(context, name, "rotated", ttl, revoke_others=True)
    shape = {
        "name": name,
        "token": token.secret,
        "token_id": token.token_id,
        "token_expires_at": iso(expires_at),
    }
    if as_json:
        emit(shape)
    else:
        _show_token(shape)


@agent.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_context
def delete(context: Context, name: str, yes: bool, as_json: bool) -> None:
    """End an agent: its tokens stop working, its history stays in the ledger.

    \b
    aex agent delete shop --yes
    """
    from ledger.commands import DeleteAgent

    if not yes:
        click.confirm(f"End agent {name} and all of its tokens?", abort=True, err=True)
    context.execute(DeleteAgent(name, context.actor))
    if as_json:
        emit({"name": name, "deleted": True})
    else:
        click.echo(f"agent {name} has ended")


def _show_token(shape: dict[str, Any], *more: tuple[str, object]) -> None:
    expires = ("expires", shape["token_expires_at"])
    facts([("agent", shape["name"]), *more, ("token", shape["token"]), expires])
    say("The token is shown this once; only its hash is kept.")
