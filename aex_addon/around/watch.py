"""Notices direct connections of a run's processes to governed hosts, while it is on.

Owns: looking often, and cheaply: one look reads the kernel's table of connections, and only one to
a provider's address that was not there before makes it ask whose it is. The pause is long beside
what a look takes, so that looking costs at most a fiftieth of a core.
Refuses to know: what comes of an attempt. It can miss a connection that is shorter than the pause.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping

from aex_addon.around import proc
from aex_addon.around.seen import Attempt, Attempts
from aex_addon.clock import steady_s

_PAUSE_S = 0.1
_PAUSE_PER_LOOK = 50


class Watch:
    """`root` is the process whose children are watched; `mark`, as in proc.family, marks others."""

    def __init__(
        self,
        root: int,
        mark: bytes,
        gateway: tuple[str, int],
        targets: Callable[[], Mapping[str, str]],
        attempts: Attempts,
    ) -> None:
        self._root, self._mark, self._targets = root, mark, targets
        self._attempts = attempts
        # Where its address is a name, that is none of the governed ones.
        self._gateway: set[str] = set()
        with contextlib.suppress(ValueError):
            self._gateway = proc.written(*gateway)
        self._known: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aex-watch", daemon=True)

    def start(self) -> None:
        """Looks from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause = _PAUSE_S
        while not self._stop.wait(pause):
            began = steady_s()
            self.look()
            pause = max(_PAUSE_S, _PAUSE_PER_LOOK * (steady_s() - began))

    def look(self) -> None:
        """One look."""
        targets = {
            form: (host, address)
            for address, host in self._targets().items()
            for form in proc.written(address)
        }
        found = {
            each.inode: each
            for each in proc.sockets()
            if each.remote.partition(":")[0] in targets and each.remote not in self._gateway
        }
        fresh = found.keys() - self._known
        self._known = set(found)
        if not fresh:
            return
        for pid in proc.family(self._root, self._mark):
            for inode in fresh.intersection(proc.inodes(pid)):
                form, _, port = found[inode].remote.partition(":")
                host, address = targets[form]
                self._attempts.add(
                    Attempt(host, address, int(port, 16), proc.name(pid), blocked=False)
                )
