"""The stream callable of an answer: the provider's bytes in, the client's bytes out.

Owns: that a stream can be told to end, which it then does after a whole event: what comes later
is swallowed, and the error event takes its place.
Refuses to know: why it is ended, what is metered, mitmproxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from providers.edges import Edge

Tee = Callable[[bytes], bytes]
Watch = Callable[[int], object]

# What waits to be said while a provider leaves an event half sent.
_BESIDE_MAX = 256 * 1024


class Tap:
    """One of an answer. Raises only what its tee raises; b"" in is the end of the body.

    edge:  None where no event can be put in: the body has none, or is encoded.
    watch: is told how many bytes came, after what goes on of them has; it may tell to stop.
    """

    def __init__(self, tee: Tee, edge: Edge | None, watch: Watch | None = None) -> None:
        self._tee = tee
        self._edge = edge
        self._watch = watch
        self._event = b""
        self._on_edge: Callable[[], object] | None = None
        self._shut = False
        self._beside = b""

    def __call__(self, data: bytes) -> Iterable[bytes]:
        """What of it goes on; an empty chunk would be written, and end the body early."""
        kept = self._tee(data)
        if self._shut:
            # The body may end by itself before anyone has come to end it.
            words = None if data else self.last_words()
            return (words,) if words else ()
        if not kept:
            return ()
        if self._edge is None:
            return (kept,)
        if self._on_edge is not None:
            end = self._edge.within(kept)
            if end is not None:
                self._shut = True
                self._on_edge()
                return (kept[:end],)
        end = self._edge.within(kept) if self._beside else None
        if end is not None:
            kept = kept[:end] + self._beside + kept[end:]
            self._beside = b""
        self._edge.passed(kept)
        if self._watch is not None:
            self._watch(len(data))
        return (kept,)

    def say(self, event: bytes) -> bool:
        """Has an event said beside what comes, as soon as it may be. False where none can be."""
        if self._edge is None or self._shut or len(self._beside) + len(event) > _BESIDE_MAX:
            return False
        self._beside += event
        return True

    def beside(self) -> bytes:
        """What is to be said and can be now; the rest is said after the next whole event."""
        if self._edge is None or self._shut or not self._edge.at:
            return b""
        said, self._beside = self._beside, b""
        return said

    def stop(self, event: bytes, on_edge: Callable[[], object]) -> bool:
        """Ends the answer with this event. False while the client holds half of another.

        `on_edge` is called once it no longer does, if that was so.
        """
        self._event, self._on_edge = event, on_edge
        self._shut = self._shut or self._edge is None or self._edge.at
        return self._shut

    def last_words(self) -> bytes | None:
        """The event that ends the answer now; None where none can: it must be broken off."""
        self._shut, midway = True, not self._shut
        return None if midway or self._edge is None else self._event
