"""Secrets and ids: what a token looks like, and what is kept of it.

Owns: the form of agent tokens, their hash and public id, and the form of execution ids.
Refuses to know: agents, scopes, expiry and where a token was found.

    aex_ + 43 characters (256 random bits, base64url) + 6 characters (CRC-32, base 62)

The prefix and the checksum let a scanner tell a leaked token from noise without asking anyone.
No character needs escaping in a URL, a header or a shell.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field

PREFIX = "aex_"
TOKEN = re.compile(r"aex_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", re.ASCII)

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LENGTH = 6


@dataclass(frozen=True, slots=True)
class Token:
    """A new token. `secret` is shown once and kept nowhere; not in the repr."""

    secret: str = field(repr=False)
    token_hash: str
    token_id: str


def mint() -> Token:
    """A token that nobody has seen yet."""
    body = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")
    secret = PREFIX + body + _checksum(body)
    digest = token_hash(secret)
    return Token(secret, digest, token_id(digest))


def token_hash(secret: str) -> str:
    """What the ledger keeps: SHA-256, hex. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_id(digest: str) -> str:
    """A short name for lists and logs, from the hash; of no use to whoever reads it."""
    return "tok_" + base64.b32encode(bytes.fromhex(digest[:10])).decode("ascii").lower()


def looks_like_token(text: str) -> bool:
    """Whether text has a token's form and checksum; says nothing about whether it is valid."""
    if not TOKEN.fullmatch(text):
        return False
    body, checksum = text[len(PREFIX) : -_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return _checksum(body) == checksum


def mint_execution_id(now_ns: int, entropy: bytes) -> str:
    """`ex_`, 48 bits of milliseconds, 80 random bits (`entropy`, 10 bytes), all hex.

    Later calls sort after earlier ones, which keeps the ledger's indexes dense.
    """
    if len(entropy) != 10:
        raise ValueError("an execution id takes 10 bytes of entropy")
    return f"ex_{now_ns // 1_000_000 & 0xFFFF_FFFF_FFFF:012x}{entropy.hex()}"


def _checksum(body: str) -> str:
    rest = zlib.crc32(body.encode("ascii"))
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
