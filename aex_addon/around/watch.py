"""Notices direct connections of a run's processes to governed hosts, while it is on.

Owns: looking often, and cheaply. One look lists the sockets that the processes hold; only where
one is new is the kernel's table of connections read, which takes the kernel milliseconds. The
pause is long beside what a look takes, so that looking costs at most a fiftieth of a core.
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
# A socket may be made a while before it is connected.
_NEW_FOR_LOOKS = 3
# Processes that went into the background are looked for this often.
_LOOKS_PER_SEARCH = 30


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
        self._ages: dict[int, int] = {}
        self._strays: set[int] = set()
        self._looks = 0
        self._written: dict[str, tuple[str, str]] = {}
        self._addresses: set[str] = set()
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
        holders = {inode: pid for pid in self._processes() for inode in proc.inodes(pid)}
        self._ages = {inode: self._ages.get(inode, 0) + 1 for inode in holders}
        fresh = {inode for inode, age in self._ages.items() if age <= _NEW_FOR_LOOKS}
        if not fresh:
            return
        targets = self._written_targets()
        for each in proc.sockets():
            form, _, port = each.remote.partition(":")
            if each.inode in fresh and form in targets and each.remote not in self._gateway:
                host, address = targets[form]
                program = proc.name(holders[each.inode])
                self._attempts.add(Attempt(host, address, int(port, 16), program, blocked=False))

    def _processes(self) -> set[int]:
        if self._looks % _LOOKS_PER_SEARCH == 0:
            self._strays = set(proc.family(self._root, self._mark))
        self._looks += 1
        roots = (self._root, *self._strays)
        return self._strays.union(*(proc.below(root) for root in roots))

    def _written_targets(self) -> Mapping[str, tuple[str, str]]:
        """Host and address by each form of an address. Addresses only ever come to them."""
        targets = self._targets()
        for address in targets.keys() - self._addresses:
            self._addresses.add(address)
            host = targets[address]
            self._written |= dict.fromkeys(proc.written(address), (host, address))
        return self._written
