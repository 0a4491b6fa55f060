"""`aex daemon …`: the gateway in the background.

Owns: the commands and their words. Refuses to know: which process is whose (process.py), how one
is started and watched (background.py).
"""

from __future__ import annotations

import click

from aex_addon.cli import background, process
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, say
from aex_addon.cli.status import gateway_line, gateway_shape
from aex_addon.cli.up import listen_option
from aex_addon.home import HomeError

NOT_RUNNING = 3


@click.group()
def daemon() -> None:
    """Run the gateway in the background."""


@daemon.command()
@listen_option
@pass_context
def start(context: Context, listen: str | None) -> None:
    """Start the gateway; returns once it serves, or says why it does not.

    \b
    aex daemon start
    """
    _start(context, listen)


@daemon.command()
@pass_context
def stop(context: Context) -> None:
    """Stop the gateway; calls under way are finished first.

    \b
    aex daemon stop
    """
    _stop(context)


@daemon.command()
@listen_option
@pass_context
def restart(context: Context, listen: str | None) -> None:
    """Stop the gateway if it runs, and start it.

    \b
    aex daemon restart
    """
    _stop(context)
    _start(context, listen)


@daemon.command()
@json_option
@click.pass_context
@pass_context
def status(context: Context, ctx: click.Context, as_json: bool) -> None:
    """Say whether the gateway runs; exit code 3 if it does not.

    \b
    aex daemon status --json
    """
    shape = gateway_shape(context)
    if as_json:
        emit(shape)
    else:
        click.echo(gateway_line(shape))
    ctx.exit(0 if shape["running"] else NOT_RUNNING)


@daemon.command()
@click.option("-n", "lines", type=click.IntRange(min=0), default=50, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@pass_context
def logs(context: Context, lines: int, follow: bool) -> None:
    """Print the end of the gateway's log.

    \b
    aex daemon logs -f
    """
    path = context.home.log_file
    if not path.exists():
        raise HomeError("there is no log yet; `aex daemon start` begins one")
    for line in background.tail(path, lines):
        click.echo(line)
    if follow:
        background.follow(path, click.echo)


def _start(context: Context, listen: str | None) -> None:
    found = process.find(context.home)
    if found.state == "running":
        click.echo(f"AEX runs already, on http://{found.listen} (pid {found.pid})")
        return
    if found.state == "unnamed":
        raise HomeError(
            f"{context.home.path} is in use by a gateway that is starting or by mitmdump; stop it "
            "there, or set AEX_HOME to another directory"
        )
    if found.state == "stale":
        _forget(context, found)
    # A mistake in the configuration is told here, not in a log.
    _ = context.settings
    gateway = background.start(context, listen)
    click.echo(f"AEX serves on http://{gateway.listen} (pid {gateway.pid})")


def _stop(context: Context) -> None:
    found = process.find(context.home)
    if found.state == "stale":
        _forget(context, found)
    if found.state in ("stale", "absent"):
        click.echo("no gateway runs")
        return
    if found.state == "unnamed":
        raise HomeError(
            f"{context.home.path} is in use by a gateway that is starting or by mitmdump; "
            "end it where it was started"
        )
    process.terminate(found)
    seconds = context.settings.drain_seconds + background.GRACE_S
    if not background.wait_until_free(context.home, seconds):
        raise HomeError(
            f"the gateway (pid {found.pid}) still finishes calls after {seconds} s; "
            "`aex daemon stop` once more ends it at once"
        )
    click.echo(f"stopped the gateway (pid {found.pid})")


def _forget(context: Context, found: process.Gateway) -> None:
    """Names and removes a pid file whose gateway is gone; no process is touched."""
    process.forget(context.home)
    named = f"of process {found.pid}, which is no longer a gateway" if found.pid else "(damaged)"
    say(f"aex: removed a stale pid file {named}")
