"""A provider that answers every request with the same bytes, whatever they are.

Owns: a listener in a thread of the tests. Refuses to know: AEX, formats.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[], Iterable[bytes]]


class RawProvider(socketserver.ThreadingTCPServer):
    """`answer` makes the bytes of the next answers, head and all."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Answer = lambda: ()
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever leaves in the middle of an answer may."""


class _Handler(socketserver.StreamRequestHandler):
    server: RawProvider

    def handle(self) -> None:
        while (length := self._head()) is not None:
            self.rfile.read(length)
            self.server.requests += 1
            with contextlib.suppress(ConnectionError):
                for piece in self.server.answer():
                    self.wfile.write(piece)

    def _head(self) -> int | None:
        """The length of the body; None where there is no further request."""
        length, line = 0, self.rfile.readline()
        if not line:
            return None
        while line.strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            line = self.rfile.readline()
        return length


@contextmanager
def raw_provider() -> Iterator[RawProvider]:
    """A running one."""
    with RawProvider() as provider:
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
