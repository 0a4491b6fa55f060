"""What `aex run` has around its command: a watch for ways around AEX, or a jail without any.

Owns: which of the two, and that what they notice is in the ledger before the run is over.
Refuses to know: how attempts are noticed (aex_addon/around), what else a run does.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aex_addon.cli.context import Context
from aex_addon.cli.output import plain, say
from aex_addon.home import HomeError

if TYPE_CHECKING:
    from aex_addon.around.seen import Attempt, Attempts

NO_JAIL = (
    "a jail needs user and network namespaces, which this system does not give ({reason}). As root "
    "outside of a container it does; for others: `sysctl kernel.unprivileged_userns_clone=1`, on "
    "Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, in Docker "
    "`--security-opt seccomp=unconfined`. Without --jail, ways around AEX are noticed, not closed"
)
Start = Callable[[Sequence[str]], int]


def check_jail() -> None:
    """Raises HomeError where it is plain that there can be none."""
    if not sys.platform.startswith("linux") or not hasattr(os, "unshare"):
        raise HomeError(NO_JAIL.format(reason="only Linux has them"))


class Guard:
    """`label` is the run's name in events: its account, or its token."""

    def __init__(self, context: Context, agent: str, label: str, token: str) -> None:
        from aex_addon.around.resolved import Resolved, addresses_of
        from aex_addon.around.seen import Attempts
        from aex_addon.cli.environment import address
        from aex_addon.provider_rows import rows

        self._context, self._agent, self._label = context, agent, label
        self._mark = f"AEX_TOKEN={token}".encode()
        self._gateway = address(context)
        table = rows(context.settings.providers, context.settings.mcp)
        hosts = [host for row in table for host in row.provider.hosts]
        self._resolved = Resolved(hosts, addresses_of)
        self.attempts: Attempts = Attempts(self._note)
        self._writing = threading.Lock()

    def run(self, command: Sequence[str], start: Start, *, jail: bool) -> int:
        """The exit code of `start`, which runs its argument. Raises HomeError without a jail."""
        if jail:
            return self._jailed(command, start)
        with self._watched():
            return start(command)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if not sys.platform.startswith("linux"):
            yield
            return
        from aex_addon.around.watch import Watch

        self._resolved.start()
        targets = lambda: self._resolved.by_address  # noqa: E731
        watch = Watch(os.getpid(), self._mark, self._gateway, targets, self.attempts)
        watch.start()
        try:
            yield
        finally:
            watch.stop()
            self._resolved.stop()

    def _jailed(self, command: Sequence[str], start: Start) -> int:
        from aex_addon.around.inside import FAILED
        from aex_addon.around.jail import Jail

        self._resolved.start()
        targets = lambda: self._resolved.by_address  # noqa: E731
        with Jail(self._gateway, self._mark, targets, self.attempts) as jail:
            code = start(jail.command(command))
        self._resolved.stop()
        if code == FAILED and jail.failure:
            raise HomeError(NO_JAIL.format(reason=jail.failure))
        return code

    def _note(self, attempt: Attempt) -> None:
        from ledger.admin_commands import NoteBypass
        from ledger.errors import LedgerError

        seen = NoteBypass(
            name=self._agent,
            run=self._label,
            host=attempt.host,
            address=attempt.address,
            port=attempt.port,
            program=attempt.program,
            blocked=attempt.blocked,
            actor=self._context.actor,
        )
        try:
            with self._writing:
                self._context.execute(seen)
        except (LedgerError, HomeError, OSError) as error:
            say(f"aex: a way around AEX ({attempt.host}) could not be recorded: {plain(error)}")
