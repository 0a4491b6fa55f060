"""`aex certs …`: where the CA is, and what state it is in.

Owns: how the CA is shown. Refuses to know: how it is made (certs/ca.py).
"""

from __future__ import annotations

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, in_words, json_option


@click.group()
def certs() -> None:
    """The CA that agents are to trust."""


@certs.command()
@click.option("--bundle", is_flag=True, help="The bundle instead: public roots and this one.")
@json_option
@pass_context
def path(context: Context, bundle: bool, as_json: bool) -> None:
    """Print where the root certificate is (the private key is elsewhere).

    \b
    curl --cacert "$(aex certs path --bundle)" …
    """
    from certs import ca

    authority = ca.load(context.home.ca_dir)
    if as_json:
        emit({"ca": str(authority.root_file), "bundle": str(context.home.bundle)})
    else:
        click.echo(str(context.home.bundle if bundle else authority.root_file))


@certs.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show what the CA may speak for, and until when.

    \b
    aex certs status
    """
    from datetime import UTC, datetime

    from aex_addon.cli.shapes import iso
    from aex_addon.routes import routes
    from certs import ca

    hosts = routes(context.settings.providers, context.environ).hosts
    now_ns = context.now_ns()
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    found = ca.status(context.home.ca_dir, hosts, now)
    until = iso(int(found.not_after.timestamp()) * 1_000_000_000)
    shape = {
        "ca": str(context.home.ca_dir / ca.ROOT_FILE),
        "bundle": str(context.home.bundle),
        "fingerprint_sha256": found.fingerprint_sha256,
        "serial": found.serial,
        "not_after": until,
        "hosts": list(found.hosts),
        "stale": list(found.stale),
    }
    if as_json:
        emit(shape)
        return
    lists = {"hosts": ", ".join(found.hosts), "stale": " ".join(found.stale)}
    facts(in_words({**shape, **lists}))
    if found.stale:
        click.echo("the next start of the gateway makes a new CA", err=True)
