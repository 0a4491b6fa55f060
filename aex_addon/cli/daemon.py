"""`aex daemon …`: the gateway in the background.

Owns: the commands and their words. Refuses to know: which process is whose (process.py), how one
is started and watched (background.py).
"""

from __future__ import annotations

from typing import Any

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
@json_option
@pass_context
def start(context: Context, listen: str | None, as_json: bool) -> None:
    """Start the gateway; returns once it serves, or says why it does not.

    \b
    aex daemon start
    """
    _tell(_start(context, listen), as_json, gateway_shape(context))


@daemon.command()
@json_option
@pass_context
def stop(context: Context, as_json: bool) -> None:
    """Stop the gateway; calls under way are finished first.

    \b
    aex daemon stop
    """
    stopped, line = _stop(context)
    _tell(line, as_json, {"stopped": stopped is not None, "pid": stopped})


@daemon.command()
@listen_option
@json_option
@pass_context
def restart(context: Context, listen: str | None, as_json: bool) -> None:
    """Stop the gateway if it runs, and start it.

    \b
    aex daemon restart
    """
    _, line = _stop(context)
    if not as_json:
        click.echo(line)
    _tell(_start(context, listen), as_json, gateway_shape(context))


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
@click.option(
    "-n",
    "lines",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    metavar="LINES",
    help="How many of its last lines.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@json_option
@pass_context
def logs(context: Context, lines: int, follow: bool, as_json: bool) -> None:
    """Print the end of the gateway's log.

    \b
    aex daemon logs -f
    """
    path = context.home.log_file
    if not path.exists():
        raise HomeError("there is no log yet; `aex daemon start` begins one")
    if as_json and follow:
        raise click.UsageError("--json is one document, and --follow has no end")
    if as_json:
        emit(list(background.tail(path, lines)))
        return
    for line in background.tail(path, lines):
        click.echo(line)
    if follow:
        background.follow(path, click.echo)


def _tell(line: str, as_json: bool, shape: dict[str, Any]) -> None:
    if as_json:
        emit(shape)
    else:
        click.echo(line)


def _start(context: Context, listen: str | None) -> str:
    """Starts the gateway unless it runs; what to say."""
    found = process.find(context.home)
    if found.state == "running":
        return f"AEX runs already, on http://{found.listen} (pid {found.pid})"
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
    return f"AEX serves on http://{gateway.listen} (pid {gateway.pid})"


def _stop(context: Context) -> tuple[int | None, str]:
    """Stops the gateway if it runs: its process id, and what to say."""
    found = process.find(context.home)
    if found.state == "stale":
        _forget(context, found)
    if found.state in ("stale", "absent"):
        return None, "no gateway runs"
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
    return found.pid, f"stopped the gateway (pid {found.pid})"


def _forget(context: Context, found: process.Gateway) -> None:
    """Names and removes a pid file whose gateway is gone; no process is touched."""
    process.forget(context.home)
    named = f"of process {found.pid}, which is no longer a gateway" if found.pid else "(damaged)"
    say(f"aex: removed a stale pid file {named}")
