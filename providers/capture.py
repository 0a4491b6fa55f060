"""Keeps the bytes of one answer for parsing, up to a limit.

Owns: the cap on memory. Refuses to know: what the bytes mean.
Beyond the limit it lets go of everything at once: half a JSON document is of no use.
"""

from __future__ import annotations

MAX_BYTES = 64 * 1024 * 1024


class Capture:
    """Accumulates bytes; after more than `max_bytes` it keeps none and says so.

    size:       bytes seen so far, kept or not.
    overflowed: True once more than `max_bytes` were seen.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.size = 0
        self.overflowed = False
        self._max_bytes = max_bytes
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Keeps `data`, or lets go of everything if that would pass the limit."""
        self.size += len(data)
        if self.size > self._max_bytes:
            self.overflowed = True
            self._kept = bytearray()
        else:
            self._kept += data

    def kept(self) -> bytes | None:
        """All bytes seen so far, or None if there were too many."""
        return None if self.overflowed else bytes(self._kept)

    def ends_with(self, mark: bytes) -> bool:
        """True if the bytes kept, without trailing white space, end with `mark`."""
        return bytes(self._kept[-64:]).rstrip().endswith(mark)
