"""`aex agent …`: who may spend how much.

Owns: the commands that change agents and their tokens. A token is printed once, here.
Refuses to know: how the ledger decides; what teams have in common with agents (accounts.py),
listing and inspecting (agents_show.py), what an agent hands on itself (delegate.py).
"""

from __future__ import annotations

from typing import Any

import click

from aex_addon.cli.accounts import (
    change_limits,
    credit,
    credit_options,
    end,
    end_options,
    move,
    rate_options,
    require,
    show_account,
    state_options,
    window_option,
    withdraw,
)
from aex_addon.cli.agents_show import inspect_agent, list_agents
from aex_addon.cli.caps import caps_of, caps_options, uncap_option
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.delegate import delegate
from aex_addon.cli.output import emit, facts, json_option, say
from aex_addon.cli.values import COUNT, WINDOW, Duration, Usd

_SHORT = click.Choice(["clamp", "deny"])
_WORTH = "The shortest answer that is worth having."


@click.group()
def agent() -> None:
    """Agents: their budgets, limits and tokens."""


agent.add_command(list_agents)
agent.add_command(inspect_agent)
agent.add_command(delegate)


@agent.command()
@click.argument("name")
@click.argument("budget_usd", type=Usd())
@click.argument("rpm", type=COUNT)
@click.option("--tpm", type=COUNT, default=0, help="Tokens a minute; 0 is no limit.")
@click.option("--ttl", type=Duration(), default=None, help="How long the token holds, as 30d.")
@click.option(
    "--on-short-budget",
    type=_SHORT,
    default="clamp",
    show_default=True,
    help="When the rest of the budget cannot carry a whole answer: a shorter one, or none.",
)
@click.option(
    "--min-output-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="TOKENS",
    help=_WORTH,
)
@click.option("--team", default=None, help="The team whose budget must suffice, too.")
@click.option(
    "--window",
    type=WINDOW,
    default="total",
    show_default=True,
    help="What the budget is for: each day, week (from Monday) or month, in UTC, or for good.",
)
@caps_options
@json_option
@pass_context
def create(
    context: Context,
    /,
    name: str,
    budget_usd: int,
    rpm: int,
    tpm: int,
    ttl: int | None,
    on_short_budget: str,
    min_output_tokens: int,
    team: str | None,
    window: str,
    as_json: bool,
    **caps: Any,
) -> None:
    """Create an agent that may spend BUDGET_USD, with RPM calls a minute (0: no limit).

    Its token is shown this once.

    \b
    aex agent create shop 5.00 60
    aex agent create bot 1 0 --allow-model 'gpt-4o*' --max-output-tokens 2000
    """
    from aex_addon.tokens import mint
    from ledger.admin_commands import CreateAgent
    from web.shapes import amounts, iso

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
            parent=team,
            budget_window=window,
            caps=(capped := caps_of(caps)),
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
        "parent": team,
        "budget_window": window,
        "caps": {name: value for name, value in (capped or {}).items() if value is not None},
    }
    if as_json:
        emit(shape)
        return
    limits = f"{rpm or 'any number of'} calls a minute"
    _show_token(shape, ("budget", f"${shape['budget_usd']}"), ("limit", limits))
    say(f"Run something as {name}:  aex run --agent {name} -- COMMAND")


@agent.command("top-up")
@credit_options
@pass_context
def top_up(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Add USD to an agent's budget.

    \b
    aex agent top-up shop 2.50 --reason "end of month"
    """
    credit(context, name, usd, reason, as_json)


@agent.command("withdraw")
@credit_options
@pass_context
def take_back(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Take USD of an agent's budget back, of what is left of it.

    \b
    aex agent withdraw shop 400 --reason "mistyped"
    """
    withdraw(context, name, usd, reason, as_json)


@agent.command()
@click.argument("name")
@rate_options
@click.option("--on-short-budget", type=_SHORT, default=None, help="A shorter answer, or none.")
@click.option(
    "--min-output-tokens",
    type=click.IntRange(min=1),
    default=None,
    metavar="TOKENS",
    help=_WORTH,
)
@window_option
@caps_options
@uncap_option
@json_option
@pass_context
def limits(
    context: Context, /, name: str, window: str | None, as_json: bool, **changes: Any
) -> None:
    """Change an agent's limits; what is not named stays as it is.

    \b
    aex agent limits shop --rpm 120 --window month
    aex agent limits shop --allow-tool lookup --no-vision --uncap models
    """
    require(context, name, "agent", "run")
    caps = caps_of(changes)
    change_limits(context, name, {**changes, "budget_window": window, "caps": caps})
    show_account(
        context,
        name,
        as_json,
        "rpm",
        "tpm",
        "on_short_budget",
        "min_output_tokens",
        "budget_window",
        "caps",
    )


@agent.command("rotate-token")
@click.argument("name")
@click.option("--ttl", type=Duration(), default=None, help="How long the new token holds.")
@json_option
@pass_context
def rotate_token(context: Context, name: str, ttl: int | None, as_json: bool) -> None:
    """Replace all of an agent's tokens by a new one, shown this once.

    Commands that `aex run` has under way lose theirs too, but not runs with a budget of their own:
    `aex agent delete AGENT/RUN` ends one of those that `aex agent list --runs` shows.

    \b
    aex agent rotate-token shop --ttl 90d
    """
    from aex_addon.cli.issue import issue_token
    from web.shapes import iso

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
@state_options
@pass_context
def state(context: Context, name: str, state: str, reason: str, as_json: bool) -> None:
    """Move an agent to STATE: READY, PAUSED, STOPPING, STOPPED, QUARANTINED, ERROR_RECOVERY.

    A paused, stopped or quarantined agent makes no call, and its streams end within a second. One
    that is STOPPING finishes those. Quarantine is left by ERROR_RECOVERY.

    \b
    aex agent state shop PAUSED --reason "looks into a loop"
    aex agent state shop READY --reason "fixed"
    """
    require(context, name, "agent", "run")
    move(context, name, state, reason, as_json)


@agent.command()
@end_options
@pass_context
def delete(context: Context, name: str, yes: bool, as_json: bool) -> None:
    """End an agent: its tokens stop working, its history stays in the ledger.

    \b
    aex agent delete shop --yes
    """
    require(context, name, "agent", "run")
    question = "" if yes else f"End agent {name} and all of its tokens?"
    end(context, "agent", name, as_json, question)


def _show_token(shape: dict[str, Any], *more: tuple[str, object]) -> None:
    expires = ("expires", shape["token_expires_at"])
    facts([("agent", shape["name"]), *more, ("token", shape["token"]), expires])
    say("The token is shown this once; only its hash is kept.")
