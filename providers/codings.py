"""The machines that undo one content coding each: gzip, deflate, br, zstd.

Owns: how each library is driven so that it hands out at most 64 KiB at a time.
Refuses to know: headers, limits, what comes before or after. A machine pushes into its sink, and
whatever the sink raises stops it at once.

zstd windows are held to 8 MiB, as https://www.rfc-editor.org/rfc/rfc9659 demands of content.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

import brotli
import zstandard

CHUNK_BYTES = 64 * 1024
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024

Sink = Callable[[bytes], None]


class Corrupt(Exception):
    """The data is cut short, or followed by what does not belong to it."""


ERRORS: tuple[type[Exception], ...] = (Corrupt, zlib.error, brotli.error, zstandard.ZstdError)


class Coding(Protocol):
    """Undoes one coding; pushes what it has decoded into the sink it was made with."""

    def write(self, data: bytes) -> None:
        """Takes encoded bytes, cut anywhere. Raises one of ERRORS, or what the sink raises."""
        ...

    def close(self) -> None:
        """The data has ended. Raises Corrupt if it should not have."""
        ...


class Identity:
    """No coding at all."""

    def __init__(self, sink: Sink) -> None:
        self.write = sink

    def close(self) -> None:
        """Nothing can be missing."""


class _Zlib:
    """gzip, also of several members, and deflate, which is zlib or raw depending on the sender."""

    def __init__(self, sink: Sink, gzip: bool) -> None:
        self._sink = sink
        self._gzip = gzip
        self._head = b""
        self._machine = zlib.decompressobj(31) if gzip else None

    def write(self, data: bytes) -> None:
        if self._machine is None:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._head = self._head, b""
            zlib_header = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._machine = zlib.decompressobj(15 if zlib_header else -15)
        while data:
            if self._machine.eof:
                if not self._gzip:
                    raise Corrupt
                self._machine = zlib.decompressobj(31)
            self._sink(self._machine.decompress(data, CHUNK_BYTES))
            data = self._machine.unconsumed_tail or self._machine.unused_data
        self._drain()

    def close(self) -> None:
        if self._head or (self._machine and not self._machine.eof):
            raise Corrupt

    def _drain(self) -> None:
        # A full chunk may leave output behind although all input was taken.
        while self._machine and not self._machine.eof:
            more = self._machine.decompress(b"", CHUNK_BYTES)
            if not more:
                return
            self._sink(more)


class _Brotli:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._machine = brotli.Decompressor()

    def write(self, data: bytes) -> None:
        # That it can accept more does not mean that it has given all: ask until nothing comes.
        out = self._machine.process(data, output_buffer_limit=CHUNK_BYTES)
        while out or not self._machine.can_accept_more_data():
            self._sink(out)
            if self._machine.is_finished():
                return
            out = self._machine.process(b"", output_buffer_limit=CHUNK_BYTES)

    def close(self) -> None:
        if not self._machine.is_finished():
            raise Corrupt


class _Zstd:
    def __init__(self, sink: Sink) -> None:
        machine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        self._writer = machine.stream_writer(
            cast(IO[bytes], _Writable(sink)), CHUNK_BYTES, closefd=False
        )

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def close(self) -> None:
        """The binding does not tell a finished frame from a cut one; the parser after it will."""


class _Writable:
    """What the zstd binding pushes its chunks into; an exception here stops it at once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes) -> int:
        self._sink(bytes(data))
        return len(data)


CODINGS: dict[str, Callable[[Sink], Coding]] = {
    "gzip": lambda sink: _Zlib(sink, gzip=True),
    "x-gzip": lambda sink: _Zlib(sink, gzip=True),
    "deflate": lambda sink: _Zlib(sink, gzip=False),
    "br": _Brotli,
    "zstd": _Zstd,
}
