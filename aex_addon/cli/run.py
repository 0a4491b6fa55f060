"""`aex run`: a command as an agent, with a token that ends when the command does.

Owns: the order of things: is there a gateway, mint, run, revoke, tell.
Refuses to know: signals (child.py), variables (environment.py), what the run came to (run_end.py).
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from aex_addon.cli.child import NOT_EXECUTABLE, NOT_FOUND, Child
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.environment import address, change, door_option, refresh_bundle, shims_option
from aex_addon.cli.output import plain, say
from aex_addon.cli.run_end import Run, end_line
from aex_addon.cli.run_guard import Guard, check_jail
from aex_addon.cli.values import Duration, Usd
from aex_addon.home import HomeError

_DAY_NS = 86_400_000_000_000


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--agent", default=None, help="Who pays.  [the only agent there is]")
@click.option("--budget", type=Usd(), default=None, help="The most that this run may spend.")
@click.option("--name", default=None, help="The run's name, with --budget.  [run-XXXXXXXX]")
@door_option
@shims_option
@click.option("--jail", is_flag=True, help="No network but AEX for the command (Linux).")
@click.option("--quiet", is_flag=True, help="Say nothing at the end.")
@click.option("--ttl", type=Duration(), default=None, help="When the token ends at last.  [24h]")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
@pass_context
def run(
    context: Context,
    ctx: click.Context,
    agent: str | None,
    budget: int | None,
    name: str | None,
    door: str,
    shims: bool,
    jail: bool,
    quiet: bool,
    ttl: int | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND as an agent: proxy, CA and base URL are set for it and its children.

    With --budget it has an account of its own below the agent's, and both must have enough left.

    Its exit code is the command's: 128 + n for signal n, 127 not found, 126 not executable. At the
    end one line on standard error says what the run came to, and which programs went around AEX;
    with --jail none can.

    \b
    aex run --agent shop -- python shop.py
    aex run --agent shop --budget 0.50 -- python shop.py
    """
    from aex_addon.cli.issue import issue_token, open_run, sole_agent

    if name is not None and budget is None:
        raise click.UsageError("--name is the name of a run with a budget; add --budget USD")
    if problem := _unrunnable(command[0], context.environ.get("PATH")):
        say(f"aex: {plain(command[0])}: {problem[1]}")
        ctx.exit(problem[0])
    if jail:
        check_jail()
    _require_gateway(context)
    refresh_bundle(context)
    agent = agent or sole_agent(context)
    if budget is None:
        token, _ = issue_token(context, agent, "run", ttl or _DAY_NS)
        label, made_run = token.token_id, Run(agent, token.token_id, owns_account=False)
    else:
        name = f"run-{secrets.token_hex(4)}" if name is None else name
        token, label = open_run(context, agent, name, budget, ttl or _DAY_NS)
        made_run = Run(label, token.token_id, owns_account=True)
    try:
        made = change(context, agent, token.secret, door, shims=shims)
        made.set["AEX_RUN"] = label
        guard = Guard(context, agent, label, token.secret)
        environ = made.apply(context.environ)
        code = guard.run(command, lambda words: _run(words, environ, context.umask), jail=jail)
    finally:
        _end(context, token.token_hash, token.token_id, label if budget is not None else None)
    if not quiet:
        _tell(context, made_run, guard.attempts.sentence())
    ctx.exit(code)


def _run(command: Sequence[str], environ: dict[str, str], umask: int) -> int:
    try:
        return Child().run(command, environ, umask)
    except FileNotFoundError as error:
        say(f"aex: {plain(command[0])}: {error.strerror}")
        return NOT_FOUND
    except OSError as error:
        say(f"aex: {plain(command[0])}: {error.strerror}")
        return NOT_EXECUTABLE


def _unrunnable(program: str, path: str | None) -> tuple[int, str] | None:
    """Exit code and reason where it is plain that the command cannot start."""
    if shutil.which(program, path=path):
        return None
    if "/" in program and Path(program).exists():
        return NOT_EXECUTABLE, "not an executable file"
    return NOT_FOUND, "command not found"


def _require_gateway(context: Context) -> None:
    from aex_addon.cli.health import probe

    host, port = address(context)
    health = probe(host, port)
    if not health.ok:
        raise HomeError(
            f"no gateway serves on {host}:{port} ({health.reason}); start it: "
            "`aex up` in another terminal, or `aex daemon start`"
        )


def _end(context: Context, token_hash: str, token_id: str, run: str | None) -> None:
    """The command has ended whatever happens here, so this only warns."""
    from ledger.admin_commands import DeleteAgent, RevokeToken
    from ledger.errors import LedgerError

    try:
        context.execute(RevokeToken(token_hash, "run ended", context.actor))
        if run is not None:
            context.execute(DeleteAgent(run, context.actor))
    except (LedgerError, HomeError, OSError) as error:
        say(f"aex: token {token_id} could not be revoked and ends by itself: {plain(error)}")


def _tell(context: Context, run: Run, around: str) -> None:
    """The command's exit code stands even where the books cannot be read any more."""
    from ledger.errors import LedgerError

    try:
        line = end_line(context, run)
        say(f"aex: {plain(f'{line}; {around}' if around else line)}")
    except (LedgerError, HomeError, OSError) as error:
        say(f"aex: what the run came to cannot be read: {plain(error)}")
        if around:
            say(f"aex: {plain(around)}")
