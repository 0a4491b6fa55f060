"""`aex env`: the variables that make a shell an agent.

Owns: the command. Refuses to know: quoting (certs/render.py), the variables (environment.py).
"""

from __future__ import annotations

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.environment import (
    address,
    change,
    door_option,
    refresh_bundle,
    shell_options,
    shims_option,
)
from aex_addon.cli.output import say
from aex_addon.cli.values import Duration

_DAY_NS = 86_400_000_000_000


@click.command()
@click.option("--agent", default=None, help="Who pays.  [the only agent there is]")
@door_option
@shims_option
@shell_options
@click.option("--ttl", type=Duration(), default=None, help="How long the token holds.  [24h]")
@pass_context
def env(
    context: Context,
    agent: str | None,
    door: str,
    shims: bool,
    shell: str,
    as_json: bool,
    ttl: int | None,
) -> None:
    """Print what to export so that programs in this shell are an agent.

    Makes a token for it that ends by itself.

    \b
    eval "$(aex env --agent shop)"
    """
    from aex_addon.cli.issue import issue_token, sole_agent
    from certs.render import render
    from web.shapes import short

    # All that can be refused comes before the token.
    address(context)
    refresh_bundle(context)
    agent = agent or sole_agent(context)
    token, expires_at = issue_token(context, agent, "env", ttl or _DAY_NS)
    # A container has no such files, and Node does not start where one is missing.
    made = change(context, agent, token.secret, door, shims=shims and shell != "docker")
    say(f"# agent {agent}, token {token.token_id} until {short(expires_at)} UTC")
    text = render(made, "json" if as_json else shell)  # type: ignore[arg-type]
    click.echo(text, nl=False)
