"""Laws of the checkpoint: one text for each, nothing else is accepted, and the log must match."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.checkpoint import SIZE_MAX, Checkpoint, CheckpointError, decimal, parse, verify
from ledger.merkle import empty_root
from ledger.note import NoteError, Signer, sign

# The text of the example in the specification.
SPEC = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = bytes(range(32))
ROOT64 = b64encode(ROOT).decode()
ORIGIN = "aex.example/ledger"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Signer("other.example", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))

lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
checkpoints = st.builds(
    Checkpoint,
    lines,
    st.integers(1, SIZE_MAX),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=3).map(tuple),
)


def test_the_example_of_the_specification_is_read() -> None:
    """The specification's example has the origin, size and root that its lines state."""
    read = parse(SPEC)
    assert (read.origin, read.size) == ("example.com/behind-the-sofa", 20852163)
    assert read.root.hex().startswith("0ac5186a91863e8e")
    assert read.extension_lines == ()
    assert read.text() == SPEC


@given(checkpoints)
def test_text_and_checkpoint_are_one_to_one(checkpoint: Checkpoint) -> None:
    """Reading the text of a checkpoint gives the checkpoint, signed or not."""
    assert parse(checkpoint.text()) == checkpoint
    assert verify(sign(checkpoint.text(), LOG), [LOG.vkey], checkpoint.origin) == checkpoint


@given(st.text("ab0019+\n =" + ROOT64, max_size=12).map(lambda text: text + f"\n{ROOT64}\n"))
def test_what_is_accepted_is_what_would_be_written(text: str) -> None:
    """There is no second text for the same checkpoint."""
    try:
        read = parse(text)
    except CheckpointError:
        return
    assert read.text() == text


def test_the_empty_log_has_a_checkpoint() -> None:
    """Size 0 goes with the root of the empty tree and with no other."""
    empty = Checkpoint(ORIGIN, 0, empty_root())
    assert parse(empty.text()) == empty
    with pytest.raises(CheckpointError, match="0 events"):
        parse(f"{ORIGIN}\n0\n{ROOT64}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        "log\n",
        "log\n5\n",
        f"log\n5\n{ROOT64}",
        f"log\n5\n{ROOT64}\n\n",
        f"log\n5\n{ROOT64}\n\nextension\n",
        f"log\n5\n{ROOT64}\nextension\n\n",
        f"log\n5\n{ROOT64}\nextension",
        f"log\n5\n{ROOT64}\nexten\tsion\n",
        f"log\n5\n{ROOT64}\n\ud800\n",
        f"\n5\n{ROOT64}\n",
        f"\nlog\n5\n{ROOT64}\n",
        f"lo\x01g\n5\n{ROOT64}\n",
        f"log\r\n5\r\n{ROOT64}\r\n",
        *[
            f"log\n{size}\n{ROOT64}\n"
            for size in ("", "05", "00", "+5", "-5", "-0", " 5", "5 ", "0x5", "1_0", "5.0", "5e3")
        ],
        *[f"log\n{size}\n{ROOT64}\n" for size in ("٥", "５", "²", 2**63, 10**18 * 10, "9" * 5000)],
        *[
            f"log\n5\n{root}\n"
            for root in (
                "",
                ROOT.hex(),
                ROOT64.rstrip("="),
                ROOT64 + "=",
                ROOT64 + " ",
                ROOT64[:-2] + "9=",
                b64encode(ROOT + b"\0").decode(),
                b64encode(ROOT[1:]).decode(),
                "_" + ROOT64[1:],
            )
        ],
    ],
    ids=lambda text: text[:30],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    """A text that differs from the format in anything is no checkpoint."""
    with pytest.raises(CheckpointError):
        parse(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"origin": "a\0"},
        {"size": -1},
        {"size": SIZE_MAX + 1},
        {"root": b""},
        {"root": bytes(33)},
        {"extension_lines": ("",)},
        {"extension_lines": ("a", "b\n")},
    ],
)
def test_what_could_not_be_read_is_not_made(fields: dict[str, object]) -> None:
    """A checkpoint whose text would be malformed cannot exist."""
    valid: dict[str, object] = {"origin": ORIGIN, "size": 1, "root": ROOT}
    with pytest.raises(CheckpointError):
        Checkpoint(**(valid | fields))  # type: ignore[arg-type]


@given(st.integers(0, 2**63 - 1))
@example(2**63 - 1)
def test_numbers_have_one_form(number: int) -> None:
    """A number of 63 bits is read from its plain decimal digits and from nothing else."""
    assert decimal(str(number)) == number
    assert decimal(str(2**63 + number)) is None
    assert decimal("0" + str(number)) is None
    assert decimal(str(number) + "\n") is None


def test_only_the_expected_log_is_believed() -> None:
    """A checkpoint counts if a key of the log signed it, whole, for the log that is asked for."""
    text = Checkpoint(ORIGIN, 5, ROOT).text()
    signed = sign(text, LOG)
    with pytest.raises(CheckpointError, match=r"of the log 'aex\.example/ledger', not of 'mine'"):
        verify(signed, [LOG.vkey], "mine")
    with pytest.raises(NoteError, match="no signature of a known key"):
        verify(sign(text, OTHER), [LOG.vkey], ORIGIN)
    with pytest.raises(NoteError, match="is bad"):
        verify(signed.replace("\n5\n", "\n6\n"), [LOG.vkey], ORIGIN)
    with pytest.raises(CheckpointError, match="three lines"):
        verify(sign("hello\n", LOG), [LOG.vkey], ORIGIN)
    assert verify(sign(text, LOG, OTHER), [LOG.vkey], ORIGIN).size == 5
