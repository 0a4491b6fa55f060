"""Laws of the tree: it is RFC 6962's, what it proves holds, and nothing else can be proved."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle

SIZES = range(71)
LEAVES = [sha256(bytes([0, i])).digest() for i in SIZES]

# The tree that implementations of RFC 6962 are tested with: data of its leaves, and its roots.
KNOWN_DATA = ",00,10,2021,3031,40414243,5051525354555657,606162636465666768696a6b6c6d6e6f"
KNOWN_LEAVES = [merkle.leaf_hash(bytes.fromhex(data)) for data in KNOWN_DATA.split(",")]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def split(size: int) -> int:
    """The k of RFC 6962: the largest power of two below a size."""
    return max(1 << n for n in range(size.bit_length()) if 1 << n < size)


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


ROOTS = [mth(LEAVES[:size]) for size in SIZES]


def flipped(value: bytes, bit: int) -> bytes:
    """The hash with one bit changed."""
    return (int.from_bytes(value) ^ 1 << bit).to_bytes(32)


def mangled(proof: list[bytes]) -> list[list[bytes]]:
    """Proofs that are too short, too long, out of order or of wrong parts."""
    made = [[*proof, LEAVES[0]], [LEAVES[0], *proof], [*proof, b""], proof[::-1]]
    for at, one in enumerate(proof):
        parts: list[list[bytes]] = [[], [one, one], [one[:-1]], [one + b"\0"], [b""]]
        made += [[*proof[:at], *part, *proof[at + 1 :]] for part in parts]
    return [wrong for wrong in made if wrong != proof]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    """The tree of the common test vectors has the published root at each size, 0 included."""
    assert merkle.root(KNOWN_LEAVES[:size]).hex() == KNOWN_ROOTS[size]
    assert merkle.empty_root().hex() == KNOWN_ROOTS[0]


KNOWN_PATHS = [
    (0, 8, "96a296d2 5f083f0a 6b47aaf2"),
    (5, 8, "bc1a0643 ca854ea1 d37ee418"),
    (2, 3, "fac54203"),
    (1, 5, "6e340b9c 5f083f0a bc1a0643"),
]


@pytest.mark.parametrize(("index", "size", "proof"), KNOWN_PATHS)
def test_known_inclusion_proofs(index: int, size: int, proof: str) -> None:
    """The proofs of the common test vectors come out, hash by hash."""
    made = merkle.inclusion_proof(KNOWN_LEAVES, index, size)
    assert " ".join(one.hex()[:8] for one in made) == proof


KNOWN_EXTENSIONS = [
    (1, 8, "96a296d2 5f083f0a 6b47aaf2"),
    (6, 8, "0ebc5d34 ca854ea1 d37ee418"),
    (2, 5, "5f083f0a bc1a0643"),
    (3, 7, "0298d122 07506a85 fac54203 837dbb15"),
]


@pytest.mark.parametrize(("old", "new", "proof"), KNOWN_EXTENSIONS)
def test_known_consistency_proofs(old: int, new: int, proof: str) -> None:
    """The consistency proofs of the common test vectors come out, hash by hash."""
    made = merkle.consistency_proof(KNOWN_LEAVES, old, new)
    assert " ".join(one.hex()[:8] for one in made) == proof


def test_a_node_is_no_leaf() -> None:
    """Leaves and nodes are hashed apart, so that no inner node passes for data."""
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert merkle.node_hash(left, right) != merkle.node_hash(right, left)


def test_the_root_is_the_recursive_one_and_the_frontier_can_be_continued() -> None:
    """At every size the frontier has the root of RFC 6962, also when it is stored in between."""
    frontier = merkle.Frontier()
    for size in SIZES:
        assert frontier.size == size
        assert frontier.root() == merkle.root(LEAVES[:size]) == ROOTS[size]
        kept = frontier.hashes()
        frontier = merkle.Frontier(size, kept)
        frontier.append(merkle.leaf_hash(bytes([size])))
        assert len(kept) == size.bit_count()


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_at_every_size(size: int) -> None:
    """Each leaf has the path of RFC 6962, and it verifies for this leaf at this index only."""
    for index in range(size):
        proof = merkle.inclusion_proof(LEAVES, index, size)
        assert proof == path(index, LEAVES[:size])
        assert merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
        for other in set(range(-1, size + 2)) - {index}:
            assert not merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
        assert not merkle.verify_inclusion(LEAVES[index - 1], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("new", SIZES)
def test_every_size_is_consistent_with_the_smaller_ones(new: int) -> None:
    """Each earlier tree has the proof of RFC 6962, and it verifies for these two roots only."""
    for old in range(new + 1):
        proof = merkle.consistency_proof(LEAVES, old, new)
        assert proof == (subproof(old, LEAVES[:new], True) if old else [])
        assert merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
        assert not merkle.verify_consistency(old, new, ROOTS[old - 1], ROOTS[new], proof)
        if old:
            assert not merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new - 1], proof)
        if old != new:
            assert not merkle.verify_consistency(new, old, ROOTS[new], ROOTS[old], proof)


@given(st.integers(1, 70), st.data())
def test_any_flipped_bit_fails_an_inclusion(size: int, data: st.DataObject) -> None:
    """Neither leaf nor root nor proof nor index may differ in one bit."""
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(LEAVES, index, size)
    parts = [LEAVES[index], ROOTS[size], *proof]
    at = data.draw(st.integers(0, len(parts) - 1))
    parts[at] = flipped(parts[at], data.draw(st.integers(0, 255)))
    assert not merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])
    other = index ^ 1 << data.draw(st.integers(0, 70))
    assert not merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])


@given(st.integers(1, 70), st.data())
def test_any_flipped_bit_fails_a_consistency(new: int, data: st.DataObject) -> None:
    """Neither root nor proof may differ in one bit."""
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency_proof(LEAVES, old, new)
    parts = [ROOTS[old], ROOTS[new], *proof]
    at = data.draw(st.integers(0, len(parts) - 1))
    parts[at] = flipped(parts[at], data.draw(st.integers(0, 255)))
    assert not merkle.verify_consistency(old, new, parts[0], parts[1], parts[2:])


@given(st.integers(2, 70), st.data())
def test_a_rewritten_leaf_is_not_consistent(new: int, data: st.DataObject) -> None:
    """A log that changed an old event has no proof, honestly computed, to its old root."""
    old = data.draw(st.integers(1, new - 1))
    changed = list(LEAVES[:new])
    changed[data.draw(st.integers(0, old - 1))] = merkle.leaf_hash(b"rewritten")
    proof = merkle.consistency_proof(changed, old, new)
    assert not merkle.verify_consistency(old, new, ROOTS[old], merkle.root(changed), proof)


@given(st.integers(1, 70), st.data())
def test_a_mangled_proof_fails(size: int, data: st.DataObject) -> None:
    """A proof with a part too many, missing, cut or swapped proves nothing."""
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(LEAVES, index, size)
    for wrong in mangled(proof):
        assert not merkle.verify_inclusion(LEAVES[index], index, size, wrong, ROOTS[size])
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(LEAVES, old, size)
    for wrong in mangled(proof):
        assert not merkle.verify_consistency(old, size, ROOTS[old], ROOTS[size], wrong)


def test_no_other_shape_passes_for_the_tree() -> None:
    """Hashes that add up prove nothing unless they are whole and as many as the sizes demand."""
    a, b, c, d = LEAVES[:4]
    pair, high = merkle.node_hash(a, b), merkle.node_hash(c, merkle.node_hash(a, b))
    assert not merkle.verify_inclusion(b, 0, 1, [a], pair)
    assert not merkle.verify_inclusion(a + b[:1], 0, 2, [b[1:]], pair)
    assert not merkle.verify_inclusion(b"", 0, 1, [], b"")
    old = merkle.node_hash(d, merkle.node_hash(c, a))
    assert not merkle.verify_consistency(3, 4, old, merkle.node_hash(d, high), [a, b, c, d])
    assert merkle.verify_consistency(3, 4, merkle.node_hash(c, a), high, [a, b, c])
    assert not merkle.verify_consistency(3, 8, merkle.node_hash(c, a), high, [a, b, c])
    assert not merkle.verify_consistency(3, 4, ROOTS[3], ROOTS[4], [])
    assert not merkle.verify_consistency(5, 5, b"", b"", [])
    assert not merkle.verify_consistency(-1, -1, ROOTS[0], ROOTS[0], [])


def test_the_beginning_of_everything_is_empty() -> None:
    """The empty tree needs no proof, admits none, and has one root only."""
    assert not merkle.verify_consistency(0, 5, ROOTS[1], ROOTS[5], [])
    assert not merkle.verify_consistency(0, 0, ROOTS[1], ROOTS[1], [])
    assert not merkle.verify_consistency(0, 5, ROOTS[0], ROOTS[5], [ROOTS[0]])


@pytest.mark.parametrize(
    ("size", "kept"), [(0, LEAVES[:1]), (1, []), (2, LEAVES[:2]), (3, [b"", b""]), (-1, LEAVES[:1])]
)
def test_a_damaged_frontier_is_refused(size: int, kept: list[bytes]) -> None:
    """Stored hashes that cannot belong to a tree of the stored size are not continued."""
    with pytest.raises(ValueError, match="not the frontier"):
        merkle.Frontier(size, kept)


def test_a_proof_of_what_is_not_there_is_not_made() -> None:
    """Proofs are made only for leaves that exist, from smaller to larger trees."""
    for index, size in ((0, 0), (3, 3), (-1, 3), (0, 4)):
        with pytest.raises(ValueError, match="there is no leaf"):
            merkle.inclusion_proof(LEAVES[:3], index, size)
    for old, new in ((2, 1), (-1, 1), (1, 4)):
        with pytest.raises(ValueError, match="no proof leads"):
            merkle.consistency_proof(LEAVES[:3], old, new)
