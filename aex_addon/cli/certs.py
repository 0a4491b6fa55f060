"""`aex certs …`: where the CA is, what state it is in, and who trusts it.

Owns: how the CA is shown. Refuses to know: how it is made (certs/ca.py), how stores are changed
(certs_trust.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.certs_stores import governed_hosts, looks, stores_options
from aex_addon.cli.certs_trust import install_command, renew_command, uninstall_command
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.environment import refresh_bundle, shell_options
from aex_addon.cli.output import emit, facts, in_words, json_option, plain, say, table

if TYPE_CHECKING:
    from certs.ca import Status
    from certs.store import Kind
    from certs.trust import Look


@click.group()
def certs() -> None:
    """The CA that agents are to trust."""


certs.add_command(install_command)
certs.add_command(uninstall_command)
certs.add_command(renew_command)


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
@shell_options
@pass_context
def env(context: Context, shell: str, as_json: bool) -> None:
    """Print the variables that make tools trust the CA; no proxy, no token.

    Each names the bundle: public roots, your own and AEX's. It works without root, and for what
    reads no trust store (Python, Node).

    \b
    eval "$(aex certs env)"
    """
    from certs.env import CA_VARIABLES, EnvironmentChange
    from certs.render import render

    refresh_bundle(context)
    change = EnvironmentChange(dict.fromkeys(CA_VARIABLES, str(context.home.bundle)), ())
    click.echo(render(change, "json" if as_json else shell), nl=False)  # type: ignore[arg-type]


@certs.command()
@click.option("--hosts", is_flag=True, help="Only the hosts that it may speak for, one a line.")
@stores_options
@json_option
@pass_context
def status(
    context: Context, hosts: bool, kinds: tuple[Kind, ...], venvs: tuple[str, ...], as_json: bool
) -> None:
    """Show what the CA may speak for, until when, what it replaced, and which stores trust it.

    From `due` on, or as soon as the governed hosts differ, a start of the gateway replaces it.

    \b
    aex certs status
    """
    from aex_addon.cli.certs_stores import state_of
    from aex_addon.clock import utc_now
    from certs import ca

    authority = ca.load(context.home.ca_dir)
    found = ca.status(context.home.ca_dir, governed_hosts(context), utc_now())
    if hosts:
        emit(list(found.hosts)) if as_json else click.echo("\n".join(found.hosts))
        return
    seen = looks(context, ca.roots(authority), kinds, venvs)
    label = ca.roots(authority)[0].label
    if as_json:
        emit(_shape(context, found) | {"stores": [_store_shape(each, label) for each in seen]})
        return
    shape = _shape(context, found)
    count = f"{len(found.hosts)}; --hosts lists them"
    lists = {"hosts": count, "stale": " ".join(found.stale)}
    last = "; ".join(f"{each.at:%Y-%m-%d}: {' '.join(each.reasons)}" for each in found.replaced[:1])
    facts(in_words({**shape, **lists, "replaced": last}))
    if seen:
        click.echo()
        table(
            ("store", "root", "where"),
            [(each.store.kind, state_of(each, label), each.store.where) for each in seen],
        )
    for each in seen:
        if each.problem:
            say(plain(f"{each.store.where}: {each.problem}"))
    if found.stale:
        say("the next start of the gateway makes a new CA (so does `aex certs renew`)")


def _shape(context: Context, found: Status) -> dict[str, Any]:
    from certs import ca

    return {
        "ca": str(context.home.ca_dir / ca.ROOT_FILE),
        "bundle": str(context.home.bundle),
        "fingerprint_sha256": found.fingerprint_sha256,
        "serial": found.serial,
        "issued": _iso(found.issued),
        "due": _iso(found.due),
        "not_after": _iso(found.not_after),
        "hosts": list(found.hosts),
        "stale": list(found.stale),
        "replaced": [
            {"serial": each.root.serial, "at": _iso(each.at), "reasons": list(each.reasons)}
            for each in found.replaced
        ],
    }


def _store_shape(seen: Look, label: str) -> dict[str, Any]:
    from aex_addon.cli.certs_stores import old_roots, state_of

    return {
        "store": seen.store.kind,
        "where": seen.store.where,
        "state": state_of(seen, label),
        "replaced": old_roots(seen, label),
        "problem": seen.problem,
    }


def _iso(moment: datetime) -> str | None:
    from web.shapes import iso

    return iso(int(moment.timestamp()) * 1_000_000_000)
