"""What a tool is sent and what it says: its input, its output under a cap, the end of its errors.

Owns: the caps, and saying that one was passed. Refuses to know: what becomes of the tool then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

Listener = Callable[[bytes], None]
# The end of stderr is kept; who writes more to it than this is ended.
ERRORS_BYTES_MAX, STDERR_BYTES_MAX = 4096, 1024 * 1024
_CHUNK = 65_536


@dataclass(slots=True)
class Streams:
    """`listener` hears each piece of output within `output_max_bytes`, on the loop.

    `stop` is set when too much was written; `too_much` says of what, `truncated` whether output is
    missing. What comes after that is read and dropped, so that the end of it is seen.
    """

    output_max_bytes: int
    stop: asyncio.Event
    listener: Listener | None = None
    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    too_much: str = ""

    async def read(self, stdout: asyncio.StreamReader) -> None:
        """Takes the output to its end. What the listener raises ends the tool, and is raised."""
        try:
            while data := await stdout.read(_CHUNK):
                self._take(data)
        except BaseException:
            self.stop.set()
            raise
        finally:
            while await stdout.read(_CHUNK):
                pass

    def _take(self, data: bytes) -> None:
        room = self.output_max_bytes - len(self.output)
        if len(data) > room:
            self.truncated = True
            self._end(f"output_max_kib allows, {self.output_max_bytes >> 10} KiB")
        if piece := data[:room]:
            self.output += piece
            if self.listener:
                self.listener(piece)

    async def read_errors(self, stderr: asyncio.StreamReader) -> None:
        """Keeps the end of what the tool says to its operator."""
        read = 0
        while data := await stderr.read(_CHUNK):
            self.errors = (self.errors + data)[-ERRORS_BYTES_MAX:]
            read += len(data)
            if read > STDERR_BYTES_MAX:
                self._end(f"{STDERR_BYTES_MAX >> 10} KiB to stderr")

    def _end(self, too_much: str) -> None:
        self.too_much = self.too_much or too_much
        self.stop.set()


async def feed(stdin: asyncio.StreamWriter, request: bytes) -> None:
    """Sends the request and its end, to a tool that may read it or not."""
    try:
        with contextlib.suppress(OSError):
            stdin.write(request)
            await stdin.drain()
    finally:
        stdin.close()
