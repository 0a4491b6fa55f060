"""`aex team …`: budgets that agents share.

Owns: the commands that make, show and change teams, and the tree in which they are shown.
Refuses to know: how a call is paid on every level at once (ledger/admission.py); what teams have
in common with agents (accounts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from aex_addon.cli.accounts import (
    BALANCES,
    change_limits,
    credit,
    credit_options,
    end,
    end_options,
    move,
    rate_options,
    require,
    shape_text,
    show_account,
    state_options,
    window_option,
    withdraw,
)
from aex_addon.cli.caps import caps_of, caps_options, uncap_option
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, table
from aex_addon.cli.values import COUNT, WINDOW, Usd

Shape = dict[str, Any]


@click.group()
def team() -> None:
    """Teams: budgets that agents share."""


@team.command()
@click.argument("name")
@click.argument("budget_usd", type=Usd())
@click.option("--parent", default=None, help="The team whose budget must suffice, too.")
@click.option("--window", type=WINDOW, default="total", show_default=True, help="Budget for what.")
@click.option("--rpm", type=COUNT, default=0, help="Calls a minute of all members; 0 is no limit.")
@click.option("--tpm", type=COUNT, default=0, help="Tokens a minute of all members; 0 is no limit.")
@caps_options
@json_option
@pass_context
def create(
    context: Context,
    /,
    name: str,
    budget_usd: int,
    parent: str | None,
    window: str,
    rpm: int,
    tpm: int,
    as_json: bool,
    **caps: Any,
) -> None:
    """Create a team whose members may spend BUDGET_USD together.

    \b
    aex team create research 100 --window month
    """
    from ledger.admin_commands import CreateAgent

    context.execute(
        CreateAgent(
            name=name,
            budget_nanousd=budget_usd,
            rpm=rpm,
            tpm=tpm,
            actor=context.actor,
            token_hash="",
            token_id="",
            kind="team",
            parent=parent,
            budget_window=window,
            caps=caps_of(caps),
        )
    )
    shown = ("parent", "budget", "budget_window", "rpm", "tpm", "caps")
    show_account(context, name, as_json, *shown)


@team.command("list")
@json_option
@pass_context
def list_teams(context: Context, as_json: bool) -> None:
    """Show the teams as a tree, with their members and everybody's balances.

    \b
    aex team list
    """
    from web.shapes import agent_shape

    now = context.now_ns()
    with context.reader() as reader:
        shapes = [agent_shape(one, now) for one in reader.agents() if one.kind != "run"]
    teams = [one for one in shapes if one["kind"] == "team"]
    if as_json:
        emit([{**one, "members": [low["name"] for low in _below(shapes, one)]} for one in teams])
    elif not teams:
        click.echo("no teams yet; `aex team create NAME BUDGET_USD` makes one")
    else:
        table(
            ("team", "kind", "window", *BALANCES),
            [
                (
                    "  " * depth + one["name"],
                    one["kind"],
                    one["budget_window"],
                    *(shape_text(one, key) for key in BALANCES),
                )
                for depth, one in _tree(shapes)
            ],
            right=" ".join(BALANCES),
            cut="team",
        )


def _below(shapes: Sequence[Shape], one: Shape) -> list[Shape]:
    return [low for low in shapes if low["parent"] == one["name"]]


def _tree(shapes: Sequence[Shape]) -> Iterator[tuple[int, Shape]]:
    """Each team with its depth, above its members. One below a team that has ended is a root."""
    teams = {one["name"]: one for one in shapes if one["kind"] == "team"}

    def down(depth: int, one: Shape) -> Iterator[tuple[int, Shape]]:
        yield depth, one
        for low in _below(shapes, one) if one["name"] in teams else ():
            yield from down(depth + 1, low)

    for one in teams.values():
        if one["parent"] not in teams:
            yield from down(0, one)


@team.command("top-up")
@credit_options
@pass_context
def top_up(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Add USD to a team's budget.

    \b
    aex team top-up research 50 --reason "conference"
    """
    require(context, name, "team")
    credit(context, name, usd, reason, as_json)


@team.command("withdraw")
@credit_options
@pass_context
def take_back(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Take USD of a team's budget back, of what is left of it.

    \b
    aex team withdraw research 20 --reason "the conference is over"
    """
    require(context, name, "team")
    withdraw(context, name, usd, reason, as_json)


@team.command()
@click.argument("name")
@rate_options
@window_option
@caps_options
@uncap_option
@json_option
@pass_context
def limits(
    context: Context, /, name: str, window: str | None, as_json: bool, **changes: Any
) -> None:
    """Change a team's limits, which hold for all members; what is not named stays.

    \b
    aex team limits research --rpm 600
    """
    require(context, name, "team")
    caps = caps_of(changes)
    change_limits(context, name, {**changes, "budget_window": window, "caps": caps})
    show_account(context, name, as_json, "rpm", "tpm", "budget_window", "caps")


@team.command()
@state_options
@pass_context
def state(context: Context, name: str, state: str, reason: str, as_json: bool) -> None:
    """Move a team to STATE, and so all of its members; see `aex agent state --help`.

    \b
    aex team state research PAUSED --reason "over the weekend"
    """
    require(context, name, "team")
    move(context, name, state, reason, as_json)


@team.command()
@end_options
@pass_context
def delete(context: Context, name: str, yes: bool, as_json: bool) -> None:
    """End a team: its members can spend nothing from then on, its history stays.

    \b
    aex team delete research --yes
    """
    require(context, name, "team")
    question = "" if yes else f"End team {name}? Its members can spend nothing from then on."
    end(context, "team", name, as_json, question)
