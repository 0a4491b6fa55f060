"""The addresses of the governed hosts, as this machine resolves them now and then.

Owns: asking, in threads of its own that nobody waits for: a resolver may take its time.
Refuses to know: what the addresses are for.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterable, Mapping

_THREADS = 4
_AGAIN_S = 300.0

Resolve = Callable[[str], Iterable[str]]


def addresses_of(host: str) -> list[str]:
    """What the system's resolver says; nothing where it knows none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in found]


class Resolved:
    """`by_address` maps an address to its host and grows; addresses that were once are kept."""

    def __init__(self, hosts: Iterable[str], resolve: Resolve = addresses_of) -> None:
        self._hosts, self._resolve = tuple(hosts), resolve
        self._found: dict[str, str] = {}
        self._stop = threading.Event()

    @property
    def by_address(self) -> Mapping[str, str]:
        """A copy, of what is known by now."""
        return dict(self._found)

    def start(self) -> None:
        """Begins to ask, and asks again every five minutes."""
        threading.Thread(target=self._run, name="aex-resolve", daemon=True).start()

    def stop(self) -> None:
        """Asks no more; answers that are waited for are dropped."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
            for host in self._hosts:
                waiting.put(host)
            for _ in range(min(_THREADS, len(self._hosts))):
                threading.Thread(target=self._ask, args=(waiting,), daemon=True).start()
            self._stop.wait(_AGAIN_S)

    def _ask(self, waiting: queue.SimpleQueue[str]) -> None:
        while not self._stop.is_set():
            try:
                host = waiting.get_nowait()
            except queue.Empty:
                return
            for address in self._resolve(host):
                self._found.setdefault(address, host)
