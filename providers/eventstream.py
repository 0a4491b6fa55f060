"""Splits AWS's binary event stream into frames without losing or delaying a byte, and makes one.

Owns: the framing of `application/vnd.amazon.eventstream`: lengths, checksums, typed headers; and
telling where frames end.
Refuses to know: what a frame's payload means.
https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html

    total length  headers length  CRC of these two  headers  payload  CRC of all before
    4 bytes       4 bytes         4 bytes                             4 bytes

Invariant: the `raw` of all frames, in order, followed by `flush()`, is the input, however cut. A
frame whose checksum or headers are wrong passes on unread. Where the lengths cannot be trusted,
nothing says where the next frame begins: from there on, all is one unread stretch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_FRAME_BYTES = 4 * 1024 * 1024

_PRELUDE = 12
_OVERHEAD = 16
# Bytes of a header's value by its type; strings and blobs say theirs.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BLOB, _STRING = 6, 7


@dataclass(frozen=True, slots=True)
class Frame:
    """A stretch of the stream: a whole frame, or bytes that are none.

    raw:     the bytes exactly as received.
    headers: those that are strings, such as `:event-type`.
    payload: None where the frame could not be read, or is larger than the limit.
    """

    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: bytes | None = None


class Splitter:
    """Feed it bytes cut anywhere; it returns the frames that are complete, and what is none."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self._skipping = 0
        self._lost = False

    def feed(self, data: bytes) -> list[Frame]:
        """Takes bytes, returns the frames they complete, in order."""
        self._buffer += data
        frames: list[Frame] = []
        while self._buffer:
            if self._lost or self._skipping:
                frames.append(self._skip())
                continue
            if len(self._buffer) < _PRELUDE:
                break
            length = frame_length(self._buffer)
            if length is None:
                self._lost = True
            elif length > self._max_frame_bytes:
                self._skipping = length
            elif len(self._buffer) < length:
                break
            else:
                frames.append(_frame(self._take(length)))
        return frames

    def flush(self) -> Frame | None:
        """The incomplete rest; None if there is none."""
        return Frame(self._take(len(self._buffer))) if self._buffer else None

    def _skip(self) -> Frame:
        """What there is of a frame that is too large, or after the framing was lost."""
        size = len(self._buffer) if self._lost else min(self._skipping, len(self._buffer))
        self._skipping -= min(self._skipping, size)
        return Frame(self._take(size))

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class FrameEdge:
    """Follows a stream as an `edges.Edge`; after lengths that are wrong, no frame begins anymore.

    unread: bytes of frames above the limit, and of what is no frame.
    """

    events = True

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._prelude = b""
        self._left = 0
        self._too_large = False
        self._lost = False
        self.unread = 0

    @property
    def at(self) -> bool:
        """True between frames."""
        return not (self._prelude or self._left or self._lost)

    def passed(self, data: bytes) -> None:
        """Counts frames off."""
        at = 0
        while at < len(data):
            at = self._step(data, at)

    def within(self, data: bytes) -> int | None:
        """Up to the end of the first frame."""
        kept, at = dict(vars(self)), 0
        while at < len(data):
            at = self._step(data, at)
            if self.at:
                break
        ended = self.at and at > 0
        vars(self).update(kept)
        return at if ended else None

    def _step(self, data: bytes, at: int) -> int:
        if not self._left and not self._lost:
            end = min(at + _PRELUDE - len(self._prelude), len(data))
            self._prelude += data[at:end]
            if len(self._prelude) == _PRELUDE:
                self._begin()
            return end
        end = len(data) if self._lost else min(at + self._left, len(data))
        self._left -= min(self._left, end - at)
        if self._lost or self._too_large:
            self.unread += end - at
        return end

    def _begin(self) -> None:
        length = frame_length(self._prelude)
        self._lost = length is None
        self._left = length - _PRELUDE if length else 0
        self._too_large = self._left > self._max_frame_bytes - _PRELUDE
        self._prelude = b""
        if self._lost or self._too_large:
            self.unread += _PRELUDE


def frame_length(prelude: bytes | bytearray) -> int | None:
    """What a frame that begins so says of its length, in bytes; None where that is not sound."""
    total, headers = _word(prelude, 0), _word(prelude, 4)
    sound = crc32(prelude[:8]) == _word(prelude, 8)
    return total if sound and headers + _OVERHEAD <= total else None


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A frame with these headers, all of them strings."""
    head = b"".join(
        bytes((len(name),)) + name.encode() + bytes((_STRING,)) + _sized(value.encode())
        for name, value in headers.items()
    )
    prelude = (len(head) + len(payload) + _OVERHEAD).to_bytes(4) + len(head).to_bytes(4)
    whole = prelude + crc32(prelude).to_bytes(4) + head + payload
    return whole + crc32(whole).to_bytes(4)


def _frame(raw: bytes) -> Frame:
    if crc32(raw[:-4]) != _word(raw, len(raw) - 4):
        return Frame(raw)
    end = _PRELUDE + _word(raw, 4)
    headers = _headers(raw[_PRELUDE:end])
    return Frame(raw) if headers is None else Frame(raw, headers, raw[end:-4])


def _headers(data: bytes) -> dict[str, str] | None:
    """The headers that are strings; None where they are malformed."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        kind = data[at] if at < len(data) else -1
        at += 1
        size = _FIXED.get(kind)
        if size is None:
            if kind not in (_BLOB, _STRING):
                return None
            size = int.from_bytes(data[at : at + 2])
            at += 2
        value = data[at : at + size]
        at += size
        if at > len(data):
            return None
        if kind == _STRING:
            found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return found


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def _word(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 4])
