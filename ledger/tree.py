"""The tree over the event hashes that a log holds, as it grows, and as it is kept.

Owns: which leaf an event is, and the text form in which a tree is taken up again. What was kept
is trusted only so far as a signed root vouches for its hashes.
Refuses to know: where the hashes come from, who signs the root.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ledger.merkle import Frontier, leaf_hash


class Tree:
    """The tree of the first `size` events; `head` (hex) is the hash of the last of them.

    `extension` is what checkpoints of it say besides: the epoch of the log at that event.
    """

    __slots__ = ("_frontier", "extension", "head")

    def __init__(
        self,
        size: int = 0,
        hashes: Iterable[bytes] = (),
        head: str = "",
        extension: Iterable[str] = (),
    ) -> None:
        self._frontier = Frontier(size, hashes)
        self.head = head
        self.extension = tuple(extension)

    @property
    def size(self) -> int:
        """How many events it covers."""
        return self._frontier.size

    def root(self) -> bytes:
        """Its root."""
        return self._frontier.root()

    def grow(self, seq: int, event_hash: str) -> bool:
        """Adds an event's hash as the log holds it; False where it is no hash, or not the next."""
        try:
            digest = bytes.fromhex(event_hash)
        except (TypeError, ValueError):
            return False
        if seq != self.size + 1 or digest.hex() != event_hash:
            return False
        self._frontier.append(leaf_hash(digest))
        self.head = event_hash
        return True

    def dump(self) -> str:
        """Itself as text."""
        hashes = [one.hex() for one in self._frontier.hashes()]
        kept = {"size": self.size, "head": self.head, "hashes": hashes}
        return json.dumps(kept | {"extension": self.extension}) + "\n"

    @classmethod
    def load(cls, text: str) -> Tree:
        """The tree of a text; an empty one where the text is damaged."""
        try:
            kept = json.loads(text)
            hashes = map(bytes.fromhex, kept["hashes"])
            return cls(kept["size"], hashes, kept["head"], kept["extension"])
        except (ValueError, TypeError, LookupError, AttributeError):
            return cls()
