"""`aex agent list` and `aex agent inspect`.

Owns: how agents are shown. Refuses to know: how they are changed (agents.py).
"""

from __future__ import annotations

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, table


@click.command("list")
@click.option("--deleted", is_flag=True, help="Those that have ended, too.")
@json_option
@pass_context
def list_agents(context: Context, deleted: bool, as_json: bool) -> None:
    """Show all agents with their balances.

    \b
    aex agent list --json
    """
    from aex_addon.cli.shapes import agent_shape

    with context.reader() as reader:
        shapes = [agent_shape(found) for found in reader.agents(deleted=deleted)]
    if as_json:
        emit(shapes)
    elif not shapes:
        click.echo("no agents yet; `aex agent create NAME BUDGET_USD RPM` makes one")
    else:
        balances = ("budget", "spent", "reserved", "remaining")
        table(
            ("agent", "state", *balances, "rpm"),
            [
                (
                    one["name"],
                    one["lifecycle_state"],
                    *(f"${one[f'{name}_usd']}" for name in balances),
                    one["rpm"] or "-",
                )
                for one in shapes
            ],
            right="budget spent reserved remaining rpm",
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
    from aex_addon.cli.shapes import agent_shape, short, token_shape, token_state
    from ledger.errors import CommandRefused

    now = context.now_ns()
    with context.reader() as reader, reader.snapshot():
        found, tokens = reader.agent(name), reader.tokens(name)
    if found is None:
        raise CommandRefused(f"there is no agent {name!r}; `aex agent list` shows those there are")
    shape = agent_shape(found)
    if as_json:
        emit({**shape, "tokens": [token_shape(token, now) for token in tokens]})
        return
    reason = f" ({found.lifecycle_reason})" if found.lifecycle_reason else ""
    facts(
        [
            ("agent", name),
            ("state", found.lifecycle_state + reason),
            *((key, f"${shape[f'{key}_usd']}") for key in ("budget", "spent", "reserved")),
            ("remaining", f"${shape['remaining_usd']}"),
            ("calls a minute", found.rpm or "no limit"),
            ("tokens a minute", found.tpm or "no limit"),
            ("short budget", f"{found.on_short_budget}, at least {found.min_output_tokens} tokens"),
            ("created", short(found.created_at)),
        ]
    )
    click.echo()
    table(
        ("token", "scope", "label", "state", "created", "expires"),
        [
            (
                token.token_id,
                token.scope,
                token.label,
                token_state(token, now),
                short(token.created_at),
                short(token.expires_at) if token.expires_at else "never",
            )
            for token in tokens
        ],
    )
