"""The Merkle tree over the chain, after RFC 6962 section 2.1: roots, and proofs of two kinds.

Owns: the tree's hashes, the compact state that lets it grow, inclusion and consistency proofs.
Refuses to know: events, signatures, where leaf hashes are kept.

The data of leaf i of AEX's tree is the 32-byte hash of the event whose seq is i + 1 (chain.py).
Its leaf hash is leaf_hash(event_hash): both have 32 bytes, and only the second enters the tree.

A root does not say of how many leaves it is the root, and some proofs hold for several sizes:
take root and size from the same signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
_LEAF = b"\0"
_NODE = b"\1"


def leaf_hash(data: bytes) -> bytes:
    """The hash that stands in the tree for this data."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, from its children's."""
    return sha256(_NODE + left + right).digest()


def empty_root() -> bytes:
    """The root of the tree without leaves."""
    return sha256().digest()


class Frontier:
    """A tree that only grows, as the roots of its perfect subtrees: at most 63 hashes.

    There is one for each bit set in `size`, the largest subtree first. `Frontier(size, hashes)`
    continues where another stood that had this size and these hashes.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self._hashes = list(hashes)
        self.size = size
        if size < 0 or len(self._hashes) != size.bit_count() or not _are_hashes(self._hashes):
            raise ValueError(f"these hashes are not the frontier of a tree of {size} leaves")

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        assert len(leaf) == HASH_BYTES
        full = self.size
        while full & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            full >>= 1
        self._hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self._hashes:
            return empty_root()
        *larger, found = self._hashes
        for left in reversed(larger):
            found = node_hash(left, found)
        return found

    def hashes(self) -> list[bytes]:
        """What to keep, beside `size`, to continue later."""
        return list(self._hashes)


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree with these leaves."""
    frontier = Frontier()
    for leaf in leaf_hashes:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """What leads from leaf `index` to the root of the first `size` leaves, bottom up."""
    if not 0 <= index < size <= len(leaf_hashes):
        raise ValueError(f"there is no leaf {index} in {size} of {len(leaf_hashes)} leaves")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(_range_root(leaf_hashes, middle, end))
            end = middle
        else:
            path.append(_range_root(leaf_hashes, start, middle))
            start = middle
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether the proof leads from this leaf hash at `index` to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes((leaf, *proof, expected_root)):
        return False
    at, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            at, last = _up_to_right_child(at, last)
        else:
            found = node_hash(found, other)
        at >>= 1
        last >>= 1
    return last == 0 and found == expected_root


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int) -> list[bytes]:
    """What shows that the first `old` leaves are the beginning of the first `new` ones."""
    if not 0 <= old <= new <= len(leaf_hashes):
        raise ValueError(f"no proof leads from {old} to {new} of {len(leaf_hashes)} leaves")
    if old == 0:
        return []
    path = []
    start, end = 0, new
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            path.append(_range_root(leaf_hashes, middle, end))
            end = middle
        else:
            path.append(_range_root(leaf_hashes, start, middle))
            start = middle
    if start:
        path.append(_range_root(leaf_hashes, start, end))
    return path[::-1]


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of size `new` begins with the one of size `old` (RFC 9162, 2.1.4.2).

    Every tree begins with the empty one, so with `old` 0 nothing is said about `new_root`.
    """
    if not 0 <= old <= new or not _are_hashes((old_root, new_root, *proof)):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == empty_root())
    if old == 0:
        return not proof and old_root == empty_root()
    if not proof:
        return False
    # A perfect old tree is itself the first node; its root is known and not in the proof.
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    found_old = found_new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found_new = node_hash(other, found_old), node_hash(other, found_new)
            at, last = _up_to_right_child(at, last)
        else:
            found_new = node_hash(found_new, other)
        at >>= 1
        last >>= 1
    return last == 0 and found_old == old_root and found_new == new_root


def _up_to_right_child(at: int, last: int) -> tuple[int, int]:
    """Skip the levels on which the last node has no sibling and stands for itself."""
    while at and not at & 1:
        at >>= 1
        last >>= 1
    return at, last


def _middle(start: int, end: int) -> int:
    """Where a range of two leaves or more splits: after the largest power of two below it."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _range_root(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    return root(leaf_hashes[i] for i in range(start, end))


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
