"""Laws of the proof file: it proves one event offline, and whoever edits it proves nothing."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.chain import GENESIS, extend
from ledger.checkpoint import SIZE_MAX, Checkpoint
from ledger.events import Event
from ledger.note import Signer, sign
from ledger.proof import Proof, ProofError, parse, verify

ORIGIN = "aex.example/ledger"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer("other.example", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))

EVENTS = [Event(seq, seq, "alice", None, "agent.credited", "{}") for seq in range(1, 21)]
LEAVES = [merkle.leaf_hash(digest) for _, _, digest in extend(EVENTS, GENESIS)]
HASH = b64encode(LEAVES[0]).decode()


def signed(size: int, origin: str = ORIGIN, signer: Signer = LOG) -> str:
    """A signed checkpoint over the first events."""
    return sign(Checkpoint(origin, size, merkle.root(LEAVES[:size])).text(), signer)


def proof_of(seq: int, size: int, extra: bytes = b"") -> Proof:
    """The proof that event `seq` is among the first events."""
    hashes = merkle.inclusion_proof(LEAVES, seq - 1, size)
    return Proof(seq - 1, tuple(hashes), signed(size), extra)


PROOF = proof_of(6, 20)
TEXT = PROOF.render()
CHECKPOINT = PROOF.checkpoint_note


def test_the_file_looks_as_specified() -> None:
    """Header, extra data, index, hashes, an empty line and the checkpoint stand in this order."""
    made = proof_of(2, 2, b"extra data")
    assert made.render() == (
        "c2sp.org/tlog-proof@v1\nextra ZXh0cmEgZGF0YQ==\nindex 1\n" + HASH + "\n\n" + signed(2)
    )
    assert proof_of(1, 1).render() == "c2sp.org/tlog-proof@v1\nindex 0\n\n" + signed(1)


def test_every_event_is_proved_in_every_later_checkpoint() -> None:
    """From the event alone, a key and a file anyone finds the event under a signed root."""
    for size in range(1, len(EVENTS) + 1):
        for event, _, digest in extend(EVENTS[:size], GENESIS):
            proof = parse(proof_of(event.seq, size).render())
            assert proof.index == event.seq - 1
            found = verify(proof, merkle.leaf_hash(digest), [LOG.vkey], ORIGIN)
            assert (found.size, found.root) == (size, merkle.root(LEAVES[:size]))


@given(
    st.builds(
        Proof,
        st.integers(0, SIZE_MAX),
        st.lists(st.sampled_from(LEAVES), max_size=63).map(tuple),
        st.text("\n— abc=", max_size=20),
        st.binary(max_size=40),
    )
)
def test_text_and_proof_are_one_to_one(proof: Proof) -> None:
    """Reading the text of a proof gives the proof, whatever its checkpoint is worth."""
    assert parse(proof.render()) == proof


@given(st.text("ab01\n =", max_size=9), st.integers(0, len(TEXT) - len(CHECKPOINT)))
def test_what_is_accepted_is_what_would_be_written(edit: str, at: int) -> None:
    """There is no second text for the same proof."""
    for text in (TEXT[:at] + edit + TEXT[at:], TEXT[:at] + edit + TEXT[at + len(edit) :]):
        try:
            read = parse(text)
        except ProofError:
            continue
        assert read.render() == text


def test_tampering_with_any_byte_is_found() -> None:
    """No bit of a proof without extra data can change and the proof still hold."""
    raw = TEXT.encode()
    for place in range(len(raw)):
        for bit in range(8):
            other = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
            with pytest.raises(ProofError, match=r"^(Reading|Checking) the .* failed: "):
                verify(parse(other.decode(errors="surrogateescape")), LEAVES[5], [LOG.vkey], ORIGIN)


def test_extra_data_is_carried_and_not_vouched_for() -> None:
    """Extra data changes nothing about what is proved, which is why nobody may trust it."""
    for extra in (b"", b"one", b"another"):
        proof = parse(replace(PROOF, extra=extra).render())
        assert proof.extra == extra
        assert verify(proof, LEAVES[5], [LOG.vkey], ORIGIN).size == 20


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"checkpoint_note": ""}, "Checking the signature failed: The note is malformed"),
        ({"checkpoint_note": CHECKPOINT[:-1]}, "Checking the signature failed: The note is malf"),
        (
            {"checkpoint_note": signed(20, signer=OTHER)},
            "Checking the signature failed: The note has no signature of a known key",
        ),
        (
            {"checkpoint_note": CHECKPOINT.replace("\n20\n", "\n21\n")},
            "Checking the signature failed: The signature of the known key",
        ),
        (
            {"checkpoint_note": signed(20, origin="elsewhere")},
            "Checking the checkpoint failed: The checkpoint is of the log 'elsewhere'",
        ),
        ({"checkpoint_note": sign("hello\n", LOG)}, "Checking the checkpoint failed: A checkpo"),
        ({"checkpoint_note": signed(5)}, "Checking the index failed: the checkpoint covers 5"),
        ({"checkpoint_note": signed(0)}, "Checking the index failed: the checkpoint covers 0"),
        ({"index": 20}, "Checking the index failed"),
        ({"index": 4}, "Checking the inclusion failed"),
        ({"checkpoint_note": signed(19)}, "Checking the inclusion failed"),
        ({"hashes": PROOF.hashes[:-1]}, "Checking the inclusion failed"),
        ({"hashes": (*PROOF.hashes, LEAVES[0])}, "Checking the inclusion failed"),
        ({"hashes": ()}, "Checking the inclusion failed"),
    ],
)
def test_the_step_that_failed_is_named(change: dict[str, object], failed: str) -> None:
    """A proof that does not hold says at which step: signature, checkpoint, index, inclusion."""
    with pytest.raises(ProofError, match=f"^{failed}"):
        verify(replace(PROOF, **change), LEAVES[5], [LOG.vkey], ORIGIN)  # type: ignore[arg-type]


def test_another_event_is_not_proved() -> None:
    """The proof of one event holds for no other, nor for the event hash in place of the leaf's."""
    digest = extend(EVENTS, GENESIS)[5][2]
    for wrong in (*LEAVES[:5], *LEAVES[6:], digest, PROOF.hashes[0], b""):
        with pytest.raises(ProofError, match="Checking the inclusion failed"):
            verify(PROOF, wrong, [LOG.vkey], ORIGIN)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "\n",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1 \nindex 0",
        "\ufeffc2sp.org/tlog-proof@v1\nindex 0",
        "\nc2sp.org/tlog-proof@v1\nindex 0",
        "c2sp.org/tlog-proof@v1\r\nindex 0",
        "c2sp.org/tlog-proof@v1\n\nindex 0",
        f"c2sp.org/tlog-proof@v1\n{HASH}",
        *[
            f"c2sp.org/tlog-proof@v1\n{lines}"
            for lines in (
                "0",
                "index",
                "index ",
                "index  0",
                "index 00",
                "index 01",
                "index -1",
                "index +1",
                "index 1 ",
                "index ٣",
                f"index {2**63}",
                "index " + "9" * 5000,
                "Index 0",
                "index 0\nindex 0",
                "index 0\nextra AAAA",
                "extra AAAA\nextra AAAA\nindex 0",
                "extra\nindex 0",
                "extra \nindex 0",
                "extra AAA\nindex 0",
                "extra AAB=\nindex 0",
                "extra AA-_\nindex 0",
                "extra AAAA",
                f"index 0\n{HASH} ",
                f"index 0\n{HASH[:-1]}",
                f"index 0\n{HASH}{HASH}",
                "index 0\nAAAA",
                f"index 0\n{LEAVES[0].hex()}",
                "index 0" + f"\n{HASH}" * 64,
            )
        ],
    ],
    ids=lambda head: head[-30:],
)
def test_malformed_proofs_are_refused(head: str) -> None:
    """A text that differs from the format in anything is no proof, and says so."""
    with pytest.raises(ProofError, match="Reading the proof failed"):
        parse(head + "\n\n" + CHECKPOINT)


@pytest.mark.parametrize(
    "text", ["", "c2sp.org/tlog-proof@v1\nindex 0\n", TEXT.partition("\n\n")[0]]
)
def test_a_proof_without_a_checkpoint_is_refused(text: str) -> None:
    """A text that ends before the checkpoint is no proof."""
    with pytest.raises(ProofError, match="Reading the proof failed"):
        parse(text)


def test_what_could_not_be_read_is_not_made() -> None:
    """A proof whose text would be malformed cannot exist; the tallest tree's can."""
    assert len(replace(PROOF, index=SIZE_MAX, hashes=(bytes(32),) * 63).hashes) == 63
    changes: list[dict[str, object]] = [
        {"index": -1},
        {"index": SIZE_MAX + 1},
        {"hashes": (b"",)},
        {"hashes": (bytes(32),) * 64},
    ]
    for change in changes:
        with pytest.raises(ProofError, match="Reading the proof failed"):
            replace(PROOF, **change)  # type: ignore[arg-type]
