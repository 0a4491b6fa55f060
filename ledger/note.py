"""Signed notes (C2SP signed-note): a text for people and machines, with Ed25519 signatures.

Owns: the note's format, key names and ids, and the text forms of both halves of a key.
Refuses to know: what a text says, where keys are kept, which keys deserve trust.

A note is its text, an empty line, and one line `— name base64(key id, signature)` a signature.
Other signature types than Ed25519 (0x01) may stand in a note; they are of unknown keys here.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.errors import LedgerError

SIGNATURES_MAX = 100
_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_DASH = "— "
# Surrogates have no UTF-8.
_FORBIDDEN = re.compile(r"[\0-\x09\x0b-\x1f\ud800-\udfff]")


class NoteError(LedgerError):
    """The note or key is malformed, or the note is not signed as it must be."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name that it signs under."""

    name: str
    private_key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise NoteError(f"The key name {self.name!r} is empty or holds a space or a plus sign.")

    @property
    def vkey(self) -> str:
        """The verifier key: what others need to check this signer's notes."""
        public = self.private_key.public_key().public_bytes_raw()
        encoded = b64encode(_ED25519 + public).decode()
        return f"{self.name}+{_key_id(self.name, public).hex()}+{encoded}"

    def line(self, text: str) -> str:
        """The signature line for a text."""
        public = self.private_key.public_key().public_bytes_raw()
        signature = _key_id(self.name, public) + self.private_key.sign(text.encode())
        return f"{_DASH}{self.name} {b64encode(signature).decode()}\n"


def generate_key() -> Ed25519PrivateKey:
    """A new private key, from the system's randomness."""
    return Ed25519PrivateKey.generate()


def encode_key(private_key: Ed25519PrivateKey) -> bytes:
    """The content of a signer key file: PKCS #8 as PEM, not encrypted."""
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def decode_key(pem: bytes) -> Ed25519PrivateKey:
    """The key in the content of a signer key file."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoteError("The signer key is not an unencrypted private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError("The signer key is a private key, but not one of Ed25519.")
    return key


def sign(text: str, signer: Signer, *more: Signer) -> str:
    """The signed note of a text, which must end in a newline."""
    if not text.endswith("\n"):
        raise NoteError("The text of a note must end in a newline.")
    if not is_clean(text):
        raise NoteError("The text of a note must be UTF-8 without control characters.")
    return text + "\n" + "".join(one.line(text) for one in (signer, *more))


def verify(note: str, vkeys: Sequence[str]) -> tuple[str, list[str]]:
    """The text of a note, and the names of the keys among `vkeys` that signed it.

    At least one did, and none of them stands beside a signature that is not its own. The keys
    are alternatives: never mix keys that may sign for different reasons.
    """
    known = _known(vkeys)
    text, signatures = _parse(note)
    message = text.encode()
    names: dict[str, None] = {}
    for name, raw in signatures:
        key_id, signature = raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]
        public = known.get((name, key_id))
        if public is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature as error:
            raise NoteError(
                f"The signature of the known key {name}+{key_id.hex()} is bad:"
                " the note was altered after it was signed, or never signed."
            ) from error
        names[name] = None
    if not names:
        raise NoteError("The note has no signature of a known key.")
    return text, list(names)


def is_clean(text: str) -> bool:
    """Whether a note can hold this text: UTF-8, and no control characters but newline."""
    return _FORBIDDEN.search(text) is None


def from_base64(text: str) -> bytes | None:
    """The bytes of a base64 text; None unless it is their one canonical form."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if b64encode(raw).decode() == text else None


def _is_name(name: str) -> bool:
    spaced = any(char.isspace() for char in name)
    return bool(name) and not spaced and "+" not in name and is_clean(name)


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]


def _parse(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, and (name, key id and signature) for each signature line."""
    if not is_clean(note):
        raise NoteError("The note is malformed: it is not UTF-8 without control characters.")
    at = note.rfind("\n\n")
    if at < 0:
        raise NoteError("The note is malformed: no empty line parts text and signatures.")
    text, *lines = note[: at + 1], *note[at + 2 :].split("\n")
    if lines.pop():
        raise NoteError("The note is malformed: it does not end in a newline.")
    if not lines:
        raise NoteError("The note is malformed: it has no signature lines.")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"The note is malformed: it has over {SIGNATURES_MAX} signatures.")
    return text, [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = from_base64(encoded)
    fits = line.startswith(_DASH) and _is_name(name)
    if not fits or raw is None or len(raw) <= _KEY_ID_BYTES:
        raise NoteError(f"The note is malformed: {line!r} is not a signature line.")
    return name, raw


def _known(vkeys: Sequence[str]) -> dict[tuple[str, bytes], bytes]:
    """Public keys by name and key id."""
    known: dict[tuple[str, bytes], bytes] = {}
    for vkey in vkeys:
        name, key_id, public = _parse_vkey(vkey)
        if known.setdefault((name, key_id), public) != public:
            raise NoteError(f"Two verifier keys share the name and id {name}+{key_id.hex()}.")
    return known


def _parse_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, key id and public key of a verifier key."""
    name, _, rest = vkey.partition("+")
    hex_id, _, encoded = rest.partition("+")
    raw = from_base64(encoded)
    if not _is_name(name) or not raw:
        raise NoteError(f"The verifier key {vkey!r} is malformed: it must be name+id+base64.")
    kind, public = raw[:1], raw[1:]
    if kind != _ED25519 or len(public) != 32:
        raise NoteError(f"The verifier key {vkey!r} is not an Ed25519 key.")
    key_id = _key_id(name, public)
    if key_id.hex() != hex_id:
        raise NoteError(f"The verifier key {vkey!r} is damaged: its id does not fit.")
    return name, key_id, public
