"""Laws of signed notes: the format is C2SP's, known keys must hold, and nothing is tolerated."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from ledger.note import (
    SIGNATURES_MAX,
    NoteError,
    Signer,
    decode_key,
    encode_key,
    from_base64,
    generate_key,
    sign,
    verify,
)

# The example at the end of the specification.
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_TEXT = "This is an example message.\n"
SPEC_NOTE = (
    SPEC_TEXT + "\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn"
    "cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

# The published keys and signatures of the tests of the Go implementation.
PETER = Signer(
    "PeterNeumann",
    Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173")
    ),
)
PETER_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH_VKEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTG"
    "wnWLox33WWd1RvMc+QQ=\n"
)
NOTE = TEXT + "\n" + PETER_LINE
STRANGER = "— stranger " + b64encode(bytes(5)).decode() + "\n"

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=40
).map(lambda text: text + "\n")


def test_the_example_of_the_specification_verifies() -> None:
    """The specification's example note is signed by its example key."""
    assert verify(SPEC_NOTE, [SPEC_VKEY]) == (SPEC_TEXT, ["example.com/foo"])


def test_signatures_are_those_of_the_go_implementation() -> None:
    """The same key and text give, byte for byte, the note that Go writes."""
    assert sign(TEXT, PETER) == NOTE
    assert PETER.vkey == PETER_VKEY


def test_several_signatures_are_told_apart() -> None:
    """The names that verified are those of known keys, once each, in the order of the note."""
    both = NOTE + ENOCH_LINE + PETER_LINE
    assert verify(both, [PETER_VKEY]) == (TEXT, ["PeterNeumann"])
    assert verify(both, [ENOCH_VKEY, PETER_VKEY]) == (TEXT, ["PeterNeumann", "EnochRoot"])
    assert verify(TEXT + "\n" + STRANGER + ENOCH_LINE, [ENOCH_VKEY]) == (TEXT, ["EnochRoot"])


@given(texts)
def test_what_was_signed_comes_back(text: str) -> None:
    """Any clean text, empty lines and lines like signatures included, survives the round trip."""
    for signed in (text, PETER_LINE + text, NOTE + text):
        note = sign(signed, PETER, Signer("ed", PETER.private_key))
        assert verify(note, [PETER_VKEY]) == (signed, ["PeterNeumann"])


@pytest.mark.parametrize("note", [SPEC_NOTE, NOTE])
def test_tampering_with_any_byte_is_found(note: str) -> None:
    """No bit of a note with one signature can change, no byte can go or come, and it verify."""
    raw = note.encode()
    places = range(len(raw))
    tampered = [raw[:i] + bytes([raw[i] ^ 1 << b]) + raw[i + 1 :] for i in places for b in range(8)]
    tampered += [raw[:i] + raw[i + 1 :] for i in places]
    tampered += [raw[:i] + more + raw[i:] for i in places for more in (b"\n", b" ", b"A")]
    for one in tampered:
        with pytest.raises(NoteError):
            verify(one.decode(errors="surrogateescape"), [SPEC_VKEY, PETER_VKEY])


REPLACEMENTS = {
    "\n": ["\r\n"],
    "— ": ["", "- ", "—", "—\N{NO-BREAK SPACE}", "— — "],
    "PeterNeumann ": ["", " ", "PeterNeumann", "PeterNeumann  ", "Peter+Neumann "],
    "PeterNeumann": ["Peter\N{EM SPACE}Neumann", "Peter Neumann", "Peter\x7f\tNeumann"],
    "nAM=\n": ["nAM\n", "nAM==\n", "nAN=\n", "nAM= \n", "nAM="],
    "x08go/": ["x08go_", "x08go", "x08g o/"],
}
ENDINGS = ["\n", " ", "No signature.\n", "— a AAAAAAB=\n", "— a AAAAAA==\n", "— a \n", "— a\n"]
MALFORMED = [
    *["", "\n", "\n\n", TEXT, TEXT + "\n", TEXT + PETER_LINE, "\n" + PETER_LINE],
    *[start + NOTE for start in ("\x01", "\t", "\0", "\x1f", "\udcff")],
    *[NOTE + end for end in ENDINGS],
    *[NOTE.replace(old, new) for old, news in REPLACEMENTS.items() for new in news],
    TEXT + "\n" + PETER_LINE * (SIGNATURES_MAX + 1),
]


@pytest.mark.parametrize("note", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_notes_are_refused(note: str) -> None:
    """What is not exactly a note is refused as malformed."""
    assert note != NOTE
    with pytest.raises(NoteError, match="malformed"):
        verify(note, [PETER_VKEY])


def test_many_signatures_are_accepted_up_to_the_limit() -> None:
    """The limit is itself allowed, and above the 16 that the specification demands."""
    assert SIGNATURES_MAX >= 16
    note = TEXT + "\n" + STRANGER * (SIGNATURES_MAX - 1) + PETER_LINE
    assert verify(note, [PETER_VKEY]) == (TEXT, ["PeterNeumann"])


def test_unknown_keys_are_ignored() -> None:
    """A key that shares only its name or only its id with a known one is unknown."""
    namesake = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    renamed = NOTE.replace("PeterNeumann", "PaulNeumann")
    for note in (sign(TEXT, namesake), renamed):
        with pytest.raises(NoteError, match="no signature of a known key"):
            verify(note, [PETER_VKEY])
        assert verify(note + PETER_LINE, [PETER_VKEY])[1] == ["PeterNeumann"]
    with pytest.raises(NoteError, match="no signature of a known key"):
        verify(NOTE, [])


def test_a_bad_signature_of_a_known_key_condemns_the_note() -> None:
    """One bad signature of a known key fails the note, however many others are good."""
    other = sign("Something else.\n", PETER).partition("\n\n")[2]
    short = "— PeterNeumann " + b64encode(bytes.fromhex("c74f20a3") + bytes(5)).decode() + "\n"
    for bad in (other, short):
        for note in (NOTE + bad, TEXT + "\n" + bad + PETER_LINE, TEXT + "\n" + ENOCH_LINE + bad):
            with pytest.raises(NoteError, match=r"known key PeterNeumann\+c74f20a3 is bad"):
                verify(note, [PETER_VKEY, ENOCH_VKEY])


def test_a_mangled_verifier_key_is_refused() -> None:
    """No part of a verifier key, and no key with one character changed, is a key."""
    size = len(PETER_VKEY)
    parts = {PETER_VKEY[i:j] for i in range(size + 1) for j in range(i, size + 1)} - {PETER_VKEY}
    changed = {
        PETER_VKEY[:i] + other + PETER_VKEY[i + 1 :]
        for i in range(size)
        for other in (chr(ord(PETER_VKEY[i]) ^ 1), chr(ord(PETER_VKEY[i]) ^ 32), "\n", " ", "é")
    }
    for vkey in (parts | changed) - {PETER_VKEY}:
        with pytest.raises(NoteError, match="The verifier key"):
            verify(NOTE, [PETER_VKEY, vkey])


@pytest.mark.parametrize(("kind", "size"), [(1, 31), (1, 33), (2, 32), (4, 32), (1, 0)])
def test_other_kinds_of_keys_are_refused(kind: int, size: int) -> None:
    """A well-formed verifier key of another type or length is not taken for Ed25519."""
    raw = bytes([kind]) + bytes(size)
    key_id = sha256(b"x\n" + raw).hexdigest()[:8]
    with pytest.raises(NoteError, match="not an Ed25519 key"):
        verify(NOTE, [f"x+{key_id}+{b64encode(raw).decode()}"])


def test_two_keys_with_one_id_are_refused() -> None:
    """Keys whose name and short id collide cannot both be known; one key twice can."""
    keys = [b"\x01" + sha256(seed).digest() for seed in (b"54983", b"68629")]
    twins = [f"twin+81206fd9+{b64encode(key).decode()}" for key in keys]
    with pytest.raises(NoteError, match=r"share the name and id twin\+81206fd9"):
        verify(NOTE, [PETER_VKEY, *twins])
    assert verify(NOTE, [PETER_VKEY, twins[0], twins[0]])[1] == ["PeterNeumann"]


@pytest.mark.parametrize("text", ["", "no newline", "a\r\n", "\x00\n", "tab\t\n", "\ud800\n"])
def test_an_unclean_text_is_not_signed(text: str) -> None:
    """What could not be verified is not signed."""
    with pytest.raises(NoteError, match="The text of a note must"):
        sign(text, PETER)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\N{NO-BREAK SPACE}b", "\ud800", "\0"])
def test_a_bad_key_name_is_refused(name: str) -> None:
    """A name that a signature line cannot hold is no name of a signer or verifier key."""
    with pytest.raises(NoteError, match="key name"):
        Signer(name, PETER.private_key)
    raw = b"\x01" + PETER.private_key.public_key().public_bytes_raw()
    key_id = sha256(name.encode(errors="replace") + b"\n" + raw).hexdigest()[:8]
    with pytest.raises(NoteError, match="The verifier key"):
        verify(NOTE, [PETER_VKEY, f"{name}+{key_id}+{b64encode(raw).decode()}"])


def test_keys_survive_their_file() -> None:
    """A generated key is a new one, and its file's content gives it back."""
    first, second = Signer("log", generate_key()), Signer("log", generate_key())
    assert first.vkey != second.vkey
    pem = encode_key(first.private_key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    again = Signer("log", decode_key(pem))
    assert again.vkey == first.vkey
    assert verify(sign(TEXT, again), [first.vkey]) == (TEXT, ["log"])


def test_a_signer_does_not_show_its_key() -> None:
    """The private key is not in what a log or traceback prints of its signer."""
    seed = PETER.private_key.private_bytes_raw()
    assert not any(shown in repr(PETER) for shown in (seed.hex(), repr(seed), str(seed)))


def test_other_key_files_are_refused() -> None:
    """Damaged, encrypted and foreign key files each give a sentence, never a traceback."""
    key = generate_key()
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for pem in (b"", b"no key", encode_key(key)[:60], locked):
        with pytest.raises(NoteError, match="not an unencrypted private key"):
            decode_key(pem)
    foreign = generate_ec(SECP256R1())
    pem = foreign.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(NoteError, match="not one of Ed25519"):
        decode_key(pem)


@given(st.binary(max_size=8) | st.text("AB=+/_- \n", max_size=8))
def test_base64_has_one_form(value: bytes | str) -> None:
    """Bytes come back from their base64, and no other text than that gives bytes."""
    text = value if isinstance(value, str) else b64encode(value).decode()
    raw = from_base64(text)
    assert raw == value or (value == text and (raw is None or b64encode(raw).decode() == text))
