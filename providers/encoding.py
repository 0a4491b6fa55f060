"""Undoes a `Content-Encoding` step by step, without ever holding more than it was allowed.

Owns: lists of codings, and limits on the result.
Refuses to know: what the content is. https://www.rfc-editor.org/rfc/rfc9110#section-8.4

Each coding (codings.py) pushes its output onward in small chunks, and what it pushed is counted and
stopped at the limit. So a bomb costs at most the limit plus a chunk per coding, and a bomb inside a
bomb is stopped at the inner one. Of an answer, which comes in reads of 64 KiB, each may unpack to
128 times that: text does not, and no more is ever held at once.
"""

from __future__ import annotations

from collections.abc import Callable

from providers.codings import CHUNK_BYTES, CODINGS, ERRORS, Coding, Identity, Sink
from providers.wire import Denial, Refused

MAX_CODINGS = 3
BURST_BYTES_MAX = 128 * CHUNK_BYTES


class UnknownCoding(ValueError):
    """The header names a coding that is not spoken here, or too many of them."""


class _Overflow(Exception):
    pass


class Decoder:
    """Decodes an answer as it flows. Never raises once built; it fails once and stays silent.

    failed:     the coding is unknown, the data is corrupt, cut short, or larger than allowed.
    overflowed: the reason was the size, of all of it or of what one feed unpacks to.
    """

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        self.failed = False
        self.overflowed = False
        self._out = bytearray()
        self._stages: list[Coding] = []
        try:
            self._stages = _chain(content_encoding, self._collect, max_bytes)
        except UnknownCoding:
            self.failed = True

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes that `data` yields; nothing after a failure."""
        return self._run(lambda: self._stages[0].write(data))

    def finish(self) -> bytes:
        """The rest, if any; marks the decoder failed if the data was cut short."""
        return self._run(self._close)

    def _close(self) -> None:
        for stage in self._stages:
            stage.close()

    def _collect(self, data: bytes) -> None:
        self._out += data
        if len(self._out) > BURST_BYTES_MAX:
            raise _Overflow

    def _run(self, step: Callable[[], object]) -> bytes:
        if self.failed:
            return b""
        try:
            step()
        except _Overflow:
            # Not even what fitted is copied out: half a document is of no use to a meter.
            self._out.clear()
            self.failed = self.overflowed = True
        except ERRORS:
            self.failed = True
        out = bytes(self._out)
        self._out.clear()
        return out


def decode_body(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """The body of a request without its content encoding, at most `max_bytes` long.

    Raises Refused: 413 `body_too_large`, 400 `invalid_request`, 415 `unsupported_encoding`.
    """
    out: list[bytes] = []
    try:
        stages = _chain(content_encoding, out.append, max_bytes)
        stages[0].write(body)
        for stage in stages:
            stage.close()
    except UnknownCoding as error:
        raise Refused(Denial(415, "unsupported_encoding", str(error))) from None
    except _Overflow:
        message = f"The body is larger than {max_bytes} bytes."
        raise Refused(Denial(413, "body_too_large", message)) from None
    except ERRORS:
        message = "The body is not what its Content-Encoding says."
        raise Refused(Denial(400, "invalid_request", message)) from None
    return b"".join(out)


def _chain(content_encoding: str, sink: Sink, max_bytes: int) -> list[Coding]:
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_CODINGS:
        raise UnknownCoding(f"More than {MAX_CODINGS} content codings are not accepted.")
    stages: list[Coding] = []
    # The header lists codings in the order they were applied; the last one is undone first.
    for name in names:
        if name not in CODINGS:
            raise UnknownCoding("Known content codings are gzip, deflate, br, zstd and identity.")
        stages.insert(0, CODINGS[name](_limited(sink, max_bytes)))
        sink = stages[0].write
    return stages or [Identity(_limited(sink, max_bytes))]


def _limited(sink: Sink, max_bytes: int) -> Sink:
    room = max_bytes

    def write(data: bytes) -> None:
        nonlocal room
        room -= len(data)
        if room < 0:
            raise _Overflow
        if data:
            sink(data)

    return write
