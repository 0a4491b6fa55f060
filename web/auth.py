"""Who may see the pages, and who may act on them.

Owns: the two roles, and the ways to show that one has them: a token of the home as bearer, or a
cookie, which the one-time link of `aex dashboard` gives to a browser.
Refuses to know: where tokens are kept, HTTP, which page asks for which role (entry.py).

Links and sessions live in memory: they end with the gateway. Of each secret only the hash is held,
and it is compared in constant time or looked up by that hash.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Literal

Role = Literal["operator", "viewer"]

ROLES: tuple[Role, ...] = ("operator", "viewer")
LINK_S = 120
SESSION_S = 12 * 3600
# Nobody has that many browsers; the oldest make room.
_HELD_MAX = 64


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is known. `way`: bearer or cookie."""

    role: Role
    way: Literal["bearer", "cookie"]

    @property
    def actor(self) -> str:
        """As events name whoever acted."""
        return f"web:{self.role}"


@dataclass(frozen=True, slots=True)
class _Held:
    role: Role
    expires_at: int


class Auth:
    """One of a gateway; threads share it. `tokens`: the home's own, by role; `now`: nanoseconds."""

    def __init__(self, tokens: Mapping[Role, str], now: Callable[[], int]) -> None:
        self._tokens = {role: _digest(token) for role, token in tokens.items()}
        self._now = now
        self._lock = threading.Lock()
        self._links: dict[bytes, _Held] = {}
        self._sessions: dict[bytes, _Held] = {}

    def bearer(self, header: str) -> Who | None:
        """Whose token an Authorization header carries."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        given, found = _digest(token.strip()), None
        for role, digest in self._tokens.items():
            if compare_digest(given, digest):
                found = Who(role, "bearer")
        return found

    def link(self, role: Role) -> str:
        """A secret that `enter` takes once, within LINK_S seconds."""
        return self._hold(self._links, role, LINK_S)

    def enter(self, link: str) -> tuple[str, Role] | None:
        """A cookie's value and its role for a link's secret; None for one that is used or old."""
        with self._lock:
            held = self._links.pop(_digest(link), None)
        if held is None or held.expires_at <= self._now():
            return None
        return self._hold(self._sessions, held.role, SESSION_S), held.role

    def cookie(self, value: str) -> Who | None:
        """Whose cookie this is; None for one that has expired."""
        with self._lock:
            held = self._sessions.get(_digest(value))
        if held is None or held.expires_at <= self._now():
            return None
        return Who(held.role, "cookie")

    def leave(self, value: str) -> None:
        """Ends a session; the cookie is worth nothing from here on."""
        with self._lock:
            self._sessions.pop(_digest(value), None)

    def _hold(self, among: dict[bytes, _Held], role: Role, seconds: int) -> str:
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._lock:
            for key in [key for key, held in among.items() if held.expires_at <= now]:
                del among[key]
            while len(among) >= _HELD_MAX:
                del among[next(iter(among))]
            among[_digest(secret)] = _Held(role, now + seconds * 1_000_000_000)
        return secret


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
