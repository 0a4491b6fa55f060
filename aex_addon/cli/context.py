"""What a command works with: the home, the settings, the books. Each is made when it is asked for.

Owns: how the command line opens a ledger, and who is named in the events it causes.
Refuses to know: which command asks.
"""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import click

from aex_addon.home import Home, check_private

if TYPE_CHECKING:
    from aex_addon.settings import Settings
    from ledger.activity import ActivityReader
    from ledger.admin_commands import Command
    from ledger.store import Store


class Context:
    """`umask` is the one that the user had; child processes get it back."""

    def __init__(self, environ: Mapping[str, str], umask: int = 0o022) -> None:
        self.environ = environ
        self.umask = umask

    @cached_property
    def home(self) -> Home:
        """The home, whether or not it exists. Raises HomeError."""
        return Home.locate(self.environ)

    @cached_property
    def settings(self) -> Settings:
        """Raises ConfigError."""
        from aex_addon.settings_load import load

        return load(self.home, self.environ)

    @property
    def actor(self) -> str:
        """Who acts, as the log names it."""
        try:
            return f"cli:{getpass.getuser()}"
        except (KeyError, OSError):  # a user id without a name, as in containers
            return f"cli:uid-{os.getuid()}"

    def now_ns(self) -> int:
        """The time, in nanoseconds."""
        from ledger.clock import KernelClock

        return KernelClock()()

    def reader(self) -> ActivityReader:
        """The books, read-only. Raises LedgerError where there are none yet."""
        from ledger.activity import ActivityReader

        if self.home.path.exists():
            check_private(self.home.path)
        return ActivityReader(self.settings.ledger, self.home.path)

    def has_ledger(self) -> bool:
        """Whether there is a ledger to read; one on a server is taken to be there."""
        url = self.settings.ledger
        if not url.startswith("sqlite:///"):
            return True
        return (self.home.path / url.removeprefix("sqlite:///")).exists()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The books, to write to; makes the home and the ledger where there are none."""
        from aex_addon.version import version
        from ledger.opening import open_store

        self.home.ensure()
        store = open_store(
            self.settings.ledger,
            self.home.path,
            ledger_id=secrets.token_hex(16),
            version=version(),
        )
        try:
            yield store
        finally:
            store.close()

    def execute(self, command: Command) -> None:
        """Carries out one command. Raises CommandRefused with the reason."""
        from ledger.errors import CommandRefused
        from ledger.outcomes import Rejected

        with self.store() as store:
            outcome = store.one(command)
        if isinstance(outcome, Rejected):
            raise CommandRefused(outcome.message)


pass_context = click.make_pass_decorator(Context)
