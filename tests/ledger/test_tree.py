"""The tree over stored hashes: it grows only by the next hash, and survives being kept."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger.merkle import empty_root, leaf_hash, root
from ledger.tree import Tree

HASHES = [sha256(bytes([number])).hexdigest() for number in range(9)]


def grown(count: int) -> Tree:
    """The tree of the first hashes."""
    tree = Tree()
    assert all(tree.grow(seq, one) for seq, one in enumerate(HASHES[:count], 1))
    return tree


@pytest.mark.parametrize("count", range(10))
def test_the_root_is_that_of_the_leaves(count: int) -> None:
    """An event's leaf is the leaf hash of its 32 bytes, and the last event is the head."""
    tree = grown(count)
    assert tree.root() == root(leaf_hash(bytes.fromhex(one)) for one in HASHES[:count])
    assert (tree.size, tree.head) == (count, HASHES[count - 1] if count else "")


@pytest.mark.parametrize(
    ("seq", "text"),
    [
        (3, HASHES[2]),
        (1, HASHES[2]),
        (2, "xyz"),
        (2, HASHES[1].upper()),
        (2, None),
        (2, "ab " * 32),
    ],
)
def test_only_the_next_hash_is_taken(seq: int, text: str) -> None:
    """A gap, a repetition and what is no hash leave the tree as it was."""
    tree = grown(1)
    before = tree.root()
    assert tree.grow(seq, text) is False
    assert (tree.size, tree.root()) == (1, before)


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_a_kept_tree_goes_on(count: int) -> None:
    """What was dumped grows to the same root as what was not."""
    kept = Tree.load(grown(count).dump())
    for seq in range(count + 1, 10):
        assert kept.grow(seq, HASHES[seq - 1])
    assert (kept.root(), kept.head, kept.extension) == (grown(9).root(), HASHES[8], ())


def test_a_kept_tree_says_its_epoch() -> None:
    """What checkpoints of it say besides the root is kept with it."""
    tree = grown(2)
    tree.extension = ("aex-restored 1 ab",)
    assert Tree.load(tree.dump()).extension == ("aex-restored 1 ab",)


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "{}", '{"size": 3, "head": "", "hashes": []}', '{"size": "1"}',
     '{"size": 1, "head": "", "hashes": ["zz"]}', '{"size": 1, "head": "", "hashes": null}',
     '{"size": 0, "head": "", "hashes": []}'],
)  # fmt: skip
def test_a_damaged_tree_is_an_empty_one(text: str) -> None:
    """What cannot be a tree costs a second reading of the log, and nothing else."""
    assert Tree.load(text).root() == empty_root()
