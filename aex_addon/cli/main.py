"""The entry of the command line: `aex`.

Owns: which commands there are, and how every error becomes one line and an exit code.
Refuses to know: what the commands do.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted; `aex run` gives its
child's own.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import Any

import click

from aex_addon.cli.context import Context
from aex_addon.cli.lazy import LazyGroup
from aex_addon.cli.output import plain
from aex_addon.home import private_umask

_CLI = "aex_addon.cli"
_INTERRUPTED = 128 + 2  # what shells make of SIGINT
COMMANDS = {
    "demo": (f"{_CLI}.demo:demo", "See all of it at work: no key, no internet."),
    "init": (f"{_CLI}.init:init", "Make the home: configuration, certificates, ledger."),
    "up": (f"{_CLI}.up:up", "Run the gateway here, until Ctrl-C."),
    "daemon": (f"{_CLI}.daemon:daemon", "Run the gateway in the background."),
    "agent": (f"{_CLI}.agents:agent", "Agents: their budgets, limits and tokens."),
    "team": (f"{_CLI}.teams:team", "Teams: budgets that agents share."),
    "run": (f"{_CLI}.run:run", "Run a command as an agent."),
    "env": (f"{_CLI}.env:env", "Print what to export to be an agent."),
    "status": (f"{_CLI}.status:status", "The gateway, the balances, the end of the log."),
    "dashboard": (f"{_CLI}.dashboard:dashboard", "Open the dashboard, signed in."),
    "executions": (f"{_CLI}.executions:executions", "Calls: what each one was and cost."),
    "models": (f"{_CLI}.models:models", "Models: their prices, limits and routes."),
    "plugin": (f"{_CLI}.plugins:plugin", "Tools that agents may have run."),
    "policy": (f"{_CLI}.policy:policy", "What the policy says of a call, and what it is."),
    "audit": (f"{_CLI}.audit:audit", "Check the log and every balance."),
    "checkpoint": (f"{_CLI}.checkpoint:checkpoint", "Sign what the log is now."),
    "prove": (f"{_CLI}.prove:prove", "Make a proof of what a call came to."),
    "verify-proof": (f"{_CLI}.verify_proof:verify_proof", "Check a proof, without the ledger."),
    "replay": (f"{_CLI}.replay:replay", "The books as of an event or a time."),
    "ledger": (f"{_CLI}.ledger:ledger", "The books: back up, restore, export, correct."),
    "certs": (f"{_CLI}.certs:certs", "The CA that agents are to trust."),
    "doctor": (f"{_CLI}.doctor:doctor", "What is wrong here, and what to do about it."),
    "version": (f"{_CLI}.about:version_command", "Which AEX this is."),
}


class Failure(click.ClickException):
    """One line on stderr for each mistake, exit code 1."""

    def show(self, file: Any = None) -> None:
        """Without control characters and without anything that looks like a token."""
        from aex_addon.tokens import TOKEN

        for line in self.message.splitlines() or ["failed"]:
            text = TOKEN.sub("[token]", plain(line))
            click.echo(f"aex: {text}", file=file or sys.stderr)


class Aex(LazyGroup):
    """The root: private files, and errors that end in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command with a umask of 077; the one from before goes to child processes."""
        with private_umask() as before:
            ctx.obj = Context(os.environ, before)
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as error:
                if error.option_name[:2].removeprefix("-").isdigit():
                    said = f"{error.option_name}…: no amount, rate or limit is below 0"
                    raise click.UsageError(said, error.ctx) from error
                raise
            except KeyboardInterrupt:
                raise click.exceptions.Exit(_INTERRUPTED) from None
            except _expected() as error:
                if isinstance(error, BrokenPipeError) and _unread():
                    raise
                raise Failure(_sentence(error)) from error


@click.group(
    cls=Aex,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."
    " Files: ~/.aex or AEX_HOME.",
)
def cli() -> None:
    """AEX governs what AI agents spend.

    \b
    aex up                                  the gateway (keep it running)
    aex agent create shop 5.00 60           $5.00, 60 calls a minute
    aex run --agent shop -- python shop.py  an agent, unchanged
    """


def _expected() -> tuple[type[Exception], ...]:
    """What users can meet and mend. Imported only once something has gone wrong."""
    from aex_addon.home import HomeError
    from aex_addon.settings_values import ConfigError
    from certs.errors import CertsError
    from ledger.errors import LedgerError

    return (CertsError, ConfigError, HomeError, LedgerError, OSError)


def _unread() -> bool:
    """Whether whoever reads the output has gone, as `head` does: no failure, and not worth a word.

    Other pipes and connections break, too.
    """
    look = select.poll()
    with suppress(OSError, ValueError):  # an output without a descriptor
        look.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in look.poll(0))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error) or type(error).__name__


def main() -> None:
    """What the console script calls."""
    cli(prog_name="aex")


if __name__ == "__main__":
    main()
