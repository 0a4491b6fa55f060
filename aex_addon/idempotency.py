"""Idempotency: a client's key, and the answers that are kept for it.

Owns: which headers are keys and what they are scoped to; how a kept answer is sealed. The IETF
draft `Idempotency-Key`, and `X-AEX-Execution-Id` with `X-AEX-Step-Id` for agents that have ids.
Refuses to know: when an answer is replayed (ledger/admission.py decides), where it is stored.

Answers are encrypted (ChaCha20-Poly1305) with a key that is not in the database, and bound to
their execution: an answer that was moved to another execution does not open.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from aex_addon.home import check_private
from ledger.commands import Sealed
from providers.wire import Call, Denial, Refused

KEY_MAX = 255

_NONCE_BYTES = 12
_NOT_KEPT = frozenset(
    ("connection", "content-length", "date", "keep-alive", "set-cookie", "transfer-encoding")
)


def key_hash(call: Call) -> str:
    """The hash of the call's key within its route, or "" where it carries none.

    The route is the canonical path (and the model that the path names), so that the same key is the
    same at both doors and under all of a host's paths for one thing. Raises Refused (400) for a key
    that is empty or longer than 255 characters.
    """
    named = [
        (name, call.headers[name].strip().strip('"'))
        for name in ("idempotency-key", "x-aex-execution-id", "x-aex-step-id")
        if name in call.headers
    ]
    if not named:
        return ""
    for name, value in named:
        if not 0 < len(value) <= KEY_MAX:
            message = f"The header {name} must hold 1 to {KEY_MAX} characters."
            raise Refused(Denial(400, "invalid_idempotency_key", message))
    text = json.dumps([call.provider, call.method, *call.scope, named])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as the client got it: its bytes, and the headers that describe them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Vault:
    """Seals answers and opens them again, with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, execution_id: str, answer: StoredAnswer, ttl_ns: int) -> Sealed:
        """The answer as it is stored."""
        head = json.dumps({"status": answer.status, "headers": answer.headers}).encode()
        plain = len(head).to_bytes(4) + head + answer.body
        nonce = os.urandom(_NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, plain, execution_id.encode())
        return Sealed(sha256(data).hexdigest(), len(data), ttl_ns, data)

    def open(self, execution_id: str, data: bytes) -> StoredAnswer | None:
        """The answer, or None if these bytes are not what was sealed for this execution."""
        nonce, sealed = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, execution_id.encode())
        except (InvalidTag, ValueError):
            return None
        length = int.from_bytes(plain[:4])
        head = json.loads(plain[4 : 4 + length])
        headers = tuple((name, value) for name, value in head["headers"])
        return StoredAnswer(head["status"], headers, plain[4 + length :])


def kept_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers worth keeping with an answer: those of it, not of the connection."""
    return tuple(
        (name.lower(), value)
        for name, value in headers.items()
        if name.lower() not in _NOT_KEPT and not name.lower().startswith("x-aex-")
    )


def load_vault(path: Path) -> Vault:
    """The vault of a home; its key is made on first use, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        check_private(path)
    else:
        with os.fdopen(made, "wb") as file:
            file.write(ChaCha20Poly1305.generate_key())
            file.flush()
            os.fsync(file.fileno())
    return Vault(path.read_bytes())
