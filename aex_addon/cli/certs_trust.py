"""`aex certs install`, `uninstall` and `renew`: what changes who trusts the CA.

Owns: saying what will be touched, asking, and what became of it.
Refuses to know: trust stores (certs/trust.py), how a CA is made (certs/ca.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.certs_stores import chosen, governed_hosts, looks, old_roots, stores_options
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, plain, say, table

if TYPE_CHECKING:
    from certs.root import Root
    from certs.store import Kind
    from certs.trust import Plan, Result, Verb

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")

_ENV = 'for this shell alone, without any store: eval "$(aex certs env)"'
_OPEN = ("needs-root", "failed")


@click.command("install")
@stores_options
@yes_option
@json_option
@pass_context
def install_command(
    context: Context,
    kinds: tuple[Kind, ...] | None,
    venvs: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Make this machine's trust stores accept the CA: system, browsers (NSS), Java, or a venv.

    Says what it will touch, and asks. What is done already stays as it is. Where you lack the
    rights, it prints the command; `aex certs env` needs none.

    \b
    aex certs install
    aex certs install --stores nss,java --yes
    aex certs install --venv .venv
    """
    from aex_addon.clock import utc_now
    from certs import ca
    from certs.errors import AuthorityStale

    authority = ca.load(context.home.ca_dir)
    found = ca.status(context.home.ca_dir, governed_hosts(context), utc_now())
    if found.stale:
        # The next start of the gateway would replace it, and all of this would be for nothing.
        raise AuthorityStale(f"{' '.join(found.stale)} Run `aex certs renew`, then this again.")
    (root, *_) = ca.roots(authority)
    say(f"The root {root.label} may speak for {len(found.hosts)} governed hosts and names")
    say(f"below them, for nothing else, until {found.not_after:%Y-%m-%d} (`aex certs status`).")
    _change(context, "install", [root], kinds, venvs, yes=yes, as_json=as_json)


@click.command("uninstall")
@click.option("--replaced", is_flag=True, help="Only roots that a newer one has replaced.")
@stores_options
@yes_option
@json_option
@pass_context
def uninstall_command(
    context: Context,
    replaced: bool,
    kinds: tuple[Kind, ...] | None,
    venvs: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Take the CA out of this machine's trust stores: this home's roots, by serial number.

    Roots from before are taken out too. Other certificates, another home's too, stay.

    \b
    aex certs uninstall
    aex certs uninstall --replaced --yes
    """
    from certs import ca

    roots = ca.roots(ca.load(context.home.ca_dir))
    _change(
        context,
        "uninstall",
        roots[1:] if replaced else roots,
        kinds,
        venvs,
        yes=yes,
        as_json=as_json,
    )


@click.command("renew")
@stores_options
@yes_option
@json_option
@pass_context
def renew_command(
    context: Context,
    kinds: tuple[Kind, ...] | None,
    venvs: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Replace the CA by a new one, and tell which stores hold the old one.

    A gateway that runs takes it up by itself. Agents that run must be started again.

    \b
    aex certs renew --yes && aex certs install
    """
    from aex_addon.cli.environment import refresh_bundle
    from aex_addon.clock import utc_now
    from certs import ca

    ca.load(context.home.ca_dir)
    stores = chosen(context, kinds, venvs)  # what is wrong with the options is said first
    if not yes:
        say("Agents that run, and stores that hold the old root, will not accept the new one.")
        click.confirm("Replace the CA?", abort=True, err=True)
    made = ca.renew(context.home.ca_dir, governed_hosts(context), utc_now())
    refresh_bundle(context)
    roots = ca.roots(made)
    seen = looks(context, roots, kinds, venvs) if stores else []
    old = [(each.store, old_roots(each, roots[0].label)) for each in seen]
    holding = [(store, labels) for store, labels in old if labels]
    if as_json:
        emit(
            {
                "serial": roots[0].serial,
                "replaced_serial": roots[1].serial,
                "reasons": list(made.reasons),
                "holding_replaced": [
                    {"store": store.kind, "where": store.where, "roots": labels}
                    for store, labels in holding
                ],
                "unknown": [
                    {"store": each.store.kind, "where": each.store.where, "problem": each.problem}
                    for each in seen
                    if each.problem
                ],
            }
        )
        return
    facts([("root", roots[0].label), ("replaces", roots[1].label), ("why", " ".join(made.reasons))])
    for each in seen:
        if each.problem:
            say(f"{plain(each.store.where)} could not be read: {plain(each.problem)}")
    if holding:
        click.echo()
        table(
            ("store", "old root", "where"),
            [(store.kind, ", ".join(labels), store.where) for store, labels in holding],
        )
        say("`aex certs install` puts the new one in, `aex certs uninstall --replaced` the old out")


def _change(
    context: Context,
    verb: Verb,
    roots: Sequence[Root],
    kinds: tuple[Kind, ...] | None,
    venvs: Sequence[str],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Plan, ask, do, report; exit code 1 if anything is left to do."""
    from certs.machine import this_machine
    from certs.trust import carry_out, plan

    machine = this_machine(context.environ)
    stores = chosen(context, kinds, venvs)
    plans = [plan(machine, store, verb, roots) for store in stores]
    if not yes and any(each.steps and each.outcome is None for each in plans):
        for each in plans:
            _announce(each)
        click.confirm("Go on?", abort=True, err=True)
    results = [carry_out(machine, store, verb, roots) for store in stores]
    if as_json:
        emit(
            {"roots": [root.label for root in roots], "stores": [_shape(each) for each in results]}
        )
    else:
        _report(results)
    if any(each.outcome in _OPEN for each in results):
        raise click.exceptions.Exit(1)


def _announce(each: Plan) -> None:
    say(f"{each.store.kind}  {plain(each.store.where)}")
    if each.outcome == "already":
        say("    nothing to do")
        return
    if each.message:
        say(f"    {plain(each.message)}")
    if each.outcome == "needs-root":
        say("    not yours to change; these commands are for root:")
    for line in each.commands:
        say(f"    {plain(line)}")


def _report(results: Sequence[Result]) -> None:
    if results:
        rows = [(each.store.kind, each.outcome, each.store.where) for each in results]
        table(("store", "result", "where"), rows)
    else:
        say(f"this machine has none of these trust stores; {_ENV}")
    for each in results:
        if each.message:
            say(f"{plain(each.store.where)}: {plain(each.message)}")
    left = [line for each in results if each.outcome in _OPEN for line in each.commands]
    if left:
        say("Left for you to run:")
        for line in left:
            say(f"    {plain(line)}")
    if any(each.outcome == "needs-root" for each in results):
        say(f"Or {_ENV}")


def _shape(each: Result) -> dict[str, Any]:
    return {
        "store": each.store.kind,
        "where": each.store.where,
        "outcome": each.outcome,
        "message": each.message,
        "commands": list(each.commands),
    }
