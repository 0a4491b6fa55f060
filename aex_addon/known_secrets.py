"""The secrets that AEX holds, by value, and taking them out of what others get to see.

Owns: the list, and the replacing in text and in bytes that flow by.
Refuses to know: where secrets come from, who shows what to whom, the credentials of others
(redaction.py).

A secret is also known in the forms in which others repeat it: percent-encoded in an address, once
or, in an address inside an address, twice; and escaped inside JSON or Python. Secrets that were
replaced stay known for a while, because they may still be good.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from urllib.parse import quote

MARK = "[key]"

# Shorter ones are words, as servers on this machine take them for keys ("ollama"): blotting these
# out would make logs unreadable, and spoil what clients are told.
_SHORTEST_IN_TEXT = 6
_SHORTEST_IN_BYTES = 16
_KEPT_OF_EACH = 256


class Secrets:
    """All secrets of a gateway. They become known in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, deque[str]] = {}
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()

    def add(self, owner: str, *values: str) -> None:
        """From now on these are taken out too; the newest 256 of each owner are."""
        with self._lock:
            held = self._held.setdefault(owner, deque(maxlen=_KEPT_OF_EACH))
            held.extend(value for value in values if value not in held)
            forms = {
                form for each in self._held.values() for value in each for form in _forms(value)
            }
            # The longest first, for one may be a part of another.
            texts = sorted((f for f in forms if len(f) >= _SHORTEST_IN_TEXT), key=len, reverse=True)
            self._bytes = tuple(text.encode() for text in texts if len(text) >= _SHORTEST_IN_BYTES)
            self._texts = tuple(texts)

    def blot(self, text: str) -> str:
        """The text with every secret replaced."""
        for secret in self._texts:
            text = text.replace(secret, MARK)
        return text

    def blot_bytes(self, data: bytes) -> bytes:
        """The bytes with every secret that is whole in them replaced."""
        for secret in self._bytes:
            if secret in data:
                data = data.replace(secret, MARK.encode())
        return data

    def flowing(self) -> Flowing:
        """For bytes that come in pieces, wherever they are cut."""
        return Flowing(self._bytes)


class Flowing:
    """Replaces secrets in bytes that flow by. What may be the beginning of one waits for more."""

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._secrets = secrets
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Takes bytes in, gives those out that can be judged."""
        data = self._held + data
        for secret in self._secrets:
            data = data.replace(secret, MARK.encode())
        at = len(data) - max((_overlap(data, secret) for secret in self._secrets), default=0)
        self._held = data[at:]
        return data[:at]

    def finish(self) -> bytes:
        """The rest: a beginning that nothing followed."""
        rest, self._held = self._held, b""
        return rest


def _overlap(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of `data` are a beginning of the secret."""
    most = min(len(data), len(secret) - 1)
    return next((n for n in range(most, 0, -1) if data.endswith(secret[:n])), 0)


def _forms(value: str) -> set[str]:
    escaped, encoded = json.dumps(value)[1:-1], quote(value, safe="")
    return {
        *(value, encoded, quote(encoded, safe=""), repr(value)[1:-1]),
        *(escaped, escaped.replace("/", "\\/")),
    }
