"""`aex doctor`: everything that can be wrong here, a line each, with what to do about it.

Owns: which looks are taken, how verdicts are shown, the exit code.
Refuses to know: what each look looks at (checks/).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, paint, plain

if TYPE_CHECKING:
    from aex_addon.cli.checks.verdict import Verdict

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}
_COMPAT_TTL_NS = 600 * 1_000_000_000


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--reach", is_flag=True, help="Also connect to every provider; nothing is sent.")
@click.option("--compat", is_flag=True, help="Also make calls of OpenAI's API; they cost a little.")
@click.option("--agent", help="Whose budget --compat takes.")
@click.option("--model", default="gpt-4o-mini", show_default=True, help="What --compat asks for.")
@json_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
@pass_context
def doctor(
    context: Context,
    ctx: click.Context,
    reach: bool,
    compat: bool,
    agent: str | None,
    model: str,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Look at versions, home, ledger, gateway, policy, tools, egress, certificates, stores, keys.

    With COMMAND, look at that alone: which door will hold it, and what would go around.

    The exit code is 1 if anything fails. Keys are never shown.

    \b
    aex doctor
    aex doctor --reach
    aex doctor -- npx some-agent
    aex doctor --compat --agent shop --model gpt-4o-mini
    """
    if compat != bool(agent):
        raise click.UsageError("--compat and --agent NAME go together")
    if command and (reach or compat):
        raise click.UsageError("--reach and --compat are not about a command")
    found: list[Verdict] = []
    looks = _looks_at(context, command) if command else _looks(context, reach, agent, model)
    for verdict in looks:
        found.append(verdict)
        if not as_json:
            _tell(verdict)
    failed = sum(verdict.level == "fail" for verdict in found)
    if as_json:
        emit({"ok": not failed, "checks": [asdict(verdict) for verdict in found]})
    else:
        doubts = sum(verdict.level == "warn" for verdict in found)
        click.echo(f"{len(found)} looks, {failed} failed, {doubts} doubtful")
    ctx.exit(1 if failed else 0)


def _looks(context: Context, reach: bool, agent: str | None, model: str) -> Iterator[Verdict]:
    from aex_addon import clock
    from aex_addon.cli.checks import (
        authority,
        books,
        capture,
        egress,
        keys,
        listener,
        place,
        policy,
        stores,
        tools,
        versions,
    )
    from aex_addon.configuration import configure
    from aex_addon.known_secrets import Secrets
    from aex_addon.settings_values import ConfigError

    yield from versions.look(versions.installed())
    verdicts, settings = place.look(context.home, context.environ)
    yield from verdicts
    if settings is None:
        return
    yield from books.look(context.home, settings.ledger, context.now_ns())
    yield from listener.look(context.home, settings)
    yield from policy.look(context.home, settings)
    yield from capture.look(context.home, settings.ledger, settings.capture)
    yield from tools.look(context.home)
    yield from egress.look(context.home, settings.ledger, settings.egress)
    try:
        table = configure(settings, context.environ, Secrets(), clock.utc_now()).routes
    except ConfigError as error:
        yield place.unusable(error)
        return
    yield from authority.look(context.home, table.hosts, context.now_ns())
    yield from stores.look(context.home, context.environ)
    yield from keys.look(table, (*settings.providers, *settings.mcp))
    if reach:
        yield from keys.reach(table)
    if agent:
        yield from _compat(context, agent, model)


def _looks_at(context: Context, command: tuple[str, ...]) -> Iterator[Verdict]:
    from aex_addon.around.runtime import runtime_of
    from aex_addon.cli.checks import command as checks

    found = runtime_of(command, context.environ)
    yield from checks.look(found, jail=checks.jail_possible())


def _compat(context: Context, agent: str, model: str) -> Iterator[Verdict]:
    """With a token that nobody else has, revoked when all is asked."""
    from aex_addon.cli import process
    from aex_addon.cli.checks import compat
    from aex_addon.cli.checks.verdict import broken
    from aex_addon.cli.issue import issue_token
    from ledger.admin_commands import RevokeToken

    found = process.find(context.home)
    if found.state != "running":
        yield broken("compat", "no gateway runs that could be asked", "run: aex daemon start")
        return
    token, _ = issue_token(context, agent, "doctor", _COMPAT_TTL_NS)
    try:
        asker = compat.Asker(*process.reachable(found.listen), token.secret)
        yield from compat.look(asker, model)
    finally:
        context.execute(RevokeToken(token.token_hash, "doctor ended", context.actor))


def _tell(verdict: Verdict) -> None:
    word = paint(verdict.level.ljust(4), _STYLES[verdict.level])
    click.echo(f"{word}  {verdict.about}: {plain(verdict.said)}")
    if verdict.remedy:
        click.echo(f"      -> {plain(verdict.remedy)}")
