"""Capabilities: the one leave to run a tool once, made by the admission that reserved for it.

Owns: the key, which is a file of the home; what a capability is bound to; that it holds once, and
for no longer than the tool may run.
Refuses to know: admissions, sandboxes. What runs a tool asks here at the moment of the run, so that
no other way to it is one: without the key nobody can make a capability, and one that was made for
another execution, agent, tool or package is none for this one. Tools are never given theirs.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aex_addon.home import HomeError
from certs.files import PRIVATE, locked, private_directory, read_private, write_whole

KEY_FILE = "tools.key"

_KEY_BYTES = 32
_LABEL = b"aex tool capability 1"
_TOKEN = re.compile(r"([0-9]{1,20})\.([0-9a-f]{64})")


class Forbidden(Exception):
    """This is no leave to run this tool now; the message says why."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What a capability is bound to; sha256 is of the tool's package."""

    execution_id: str
    agent: str
    tool: str
    sha256: str


class Capabilities:
    """Makes capabilities and takes them in, each once. `now` is in nanoseconds."""

    def __init__(self, key: bytes, now: Callable[[], int]) -> None:
        self._key = key
        self._now = now
        self._used: dict[str, int] = {}

    def make(self, leave: Leave, ttl_ns: int) -> str:
        """The capability; it must be taken in within this time."""
        expires_at = self._now() + ttl_ns
        return f"{expires_at}.{self._sign(leave, expires_at)}"

    def take(self, capability: str, leave: Leave) -> None:
        """Uses it up, for this and nothing else. Raises Forbidden."""
        found = _TOKEN.fullmatch(capability)
        if found is None:
            raise Forbidden("it has not the form of a capability")
        expires_at = int(found[1])
        if not hmac.compare_digest(found[2], self._sign(leave, expires_at)):
            raise Forbidden("it was not made by this AEX for this run")
        now = self._now()
        if expires_at <= now:
            raise Forbidden("it has expired")
        # What has expired is refused by its time, and need not be remembered.
        self._used = {key: until for key, until in self._used.items() if until > now}
        if leave.execution_id in self._used:
            raise Forbidden("it was used already")
        self._used[leave.execution_id] = expires_at

    def _sign(self, leave: Leave, expires_at: int) -> str:
        parts = (leave.execution_id, leave.agent, leave.tool, leave.sha256, str(expires_at))
        signed = hmac.new(self._key, _LABEL, "sha256")
        for part in parts:
            data = part.encode()
            # The length first, so that no two leaves are written alike.
            signed.update(len(data).to_bytes(8) + data)
        return signed.hexdigest()


def load_key(keys: Path) -> bytes:
    """The key of a home (`keys` is its folder of keys), made on first use, 0600.

    Raises HomeError if it is none, KeyExposed if others may read it.
    """
    private_directory(keys)
    path = keys / KEY_FILE
    with locked(keys):
        if not path.exists():
            write_whole(path, secrets.token_bytes(_KEY_BYTES), PRIVATE)
        key = read_private(path)
    if len(key) != _KEY_BYTES:
        raise HomeError(f"{path} holds no key; remove it, and the next start makes a new one")
    return key
