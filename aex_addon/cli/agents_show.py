"""`aex agent list` and `aex agent inspect`.

Owns: what is told of all accounts, and of one with its tokens.
Refuses to know: how they are changed (agents.py, teams.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.accounts import BALANCES, label, shape_text
from aex_addon.cli.caps import caps_text
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, table

if TYPE_CHECKING:
    from ledger.reached import Seen
    from ledger.state import Agent, Token


@click.command("list")
@click.option("--deleted", is_flag=True, help="Those that have ended, too.")
@click.option("--runs", is_flag=True, help="The runs below agents, too.")
@json_option
@pass_context
def list_agents(context: Context, deleted: bool, runs: bool, as_json: bool) -> None:
    """Show all agents and teams with their balances.

    \b
    aex agent list --json
    """
    from web.shapes import agent_shape

    now = context.now_ns()
    with context.reader() as reader:
        found = [one for one in reader.agents(deleted=deleted) if runs or one.kind != "run"]
    shapes = [agent_shape(one, now) for one in found]
    if as_json:
        emit(shapes)
    elif not shapes:
        click.echo("no agents yet; `aex agent create NAME BUDGET_USD RPM` makes one")
    else:
        table(
            ("agent", "kind", "parent", "state", *BALANCES, "rpm"),
            [
                (
                    one["name"],
                    one["kind"],
                    one["parent"] or "-",
                    one["lifecycle_state"],
                    *(shape_text(one, key) for key in BALANCES),
                    one["rpm"] or "-",
                )
                for one in shapes
            ],
            right="budget spent reserved remaining rpm",
            cut="agent parent",
        )


@click.command("inspect")
@click.argument("name")
@json_option
@pass_context
def inspect_agent(context: Context, name: str, as_json: bool) -> None:
    """Show one agent: balances, limits, tokens (never the tokens themselves).

    \b
    aex agent inspect shop
    """
    from ledger.errors import CommandRefused
    from ledger.reached import reached
    from web.shapes import SHOWN_HOSTS, agent_shape, reached_shape, token_shape

    now = context.now_ns()
    # The token of a run is its agent's; the name of a run begins with the agent's.
    owner = name.partition("/")[0]
    with context.reader() as reader, reader.snapshot():
        found, tokens = reader.agent(name), reader.tokens(owner)
        hosts = reached(reader, name, SHOWN_HOSTS)
    if found is None:
        raise CommandRefused(f"there is no agent {name!r}; `aex agent list` shows those there are")
    shape = agent_shape(found, now)
    tokens = [token for token in tokens if name in (owner, token.account)]
    if as_json:
        told = {"tokens": [token_shape(token, now) for token in tokens]}
        emit({**shape, **told, "reached": [reached_shape(one) for one in hosts]})
        return
    _show_facts(found, shape)
    if tokens:
        click.echo()
        _show_tokens(tokens, now)
    if hosts:
        click.echo()
        _show_hosts(hosts)


def _show_facts(found: Agent, shape: dict[str, Any]) -> None:
    from web.shapes import short, usd

    reason = f" ({found.lifecycle_reason})" if found.lifecycle_reason else ""
    windowed = found.budget_window != "total"
    resets = f"{found.budget_window}, the next from {shape['window_resets_at']}"
    facts(
        [
            (found.kind, found.name),
            ("parent", found.parent),
            ("state", found.lifecycle_state + reason),
            ("stopped", _stop(found) if found.stopped_by else None),
            *((key, shape_text(shape, key)) for key in BALANCES),
            ("budget window", resets if windowed else None),
            ("spent in all", f"${usd(shape['lifetime_spent_nanousd'])}" if windowed else None),
            *((label(key), shape_text(shape, key)) for key in ("rpm", "tpm")),
            ("short budget", f"{found.on_short_budget}, at least {found.min_output_tokens} tokens"),
            ("caps", caps_text(shape["caps"])),
            ("created", short(found.created_at)),
            ("expires", short(found.expires_at) if found.expires_at else None),
        ]
    )


def _stop(found: Agent) -> str:
    return f"{found.stopped_by} was billed above its reserve; `aex agent top-up {found.name} USD`"


def _show_tokens(tokens: list[Token], now_ns: int) -> None:
    """Those that serve; each run leaves one behind that does not."""
    from web.shapes import short, token_state

    live = [token for token in tokens if token_state(token, now_ns) == "active"]
    if live:
        table(
            ("token", "scope", "label", "created", "expires"),
            [
                (
                    token.token_id,
                    token.scope,
                    token.label,
                    short(token.created_at),
                    short(token.expires_at) if token.expires_at else "never",
                )
                for token in live
            ],
            cut="label",
        )
    if ended := len(tokens) - len(live):
        click.echo(f"tokens revoked or expired: {ended} (--json shows them)")


def _show_hosts(hosts: list[Seen]) -> None:
    from web.shapes import short

    table(
        ("host beside the providers", "port", "outcome", "first of that day"),
        [(one.host, one.port or "-", one.outcome, short(one.time_ns)) for one in hosts],
    )
