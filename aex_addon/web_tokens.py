"""The tokens that open AEX's own pages, one for each role, as files of the home.

Owns: both files: that they are there, closed to everybody else, and what is in them.
Refuses to know: what a role may do (web/auth.py).
"""

from __future__ import annotations

import secrets
from pathlib import Path

from aex_addon.home import Home, HomeError, check_private
from certs.files import PRIVATE, locked, private_directory, write_whole
from web.auth import ROLES, Role

_FILES: dict[Role, str] = {"operator": "admin.token", "viewer": "viewer.token"}
_SHORTEST = 32


def web_tokens(home: Home) -> dict[Role, str]:
    """The tokens by role; made on first use.

    Raises HomeError or KeyExposed if others may read or exchange one, or if it is too short.
    """
    private_directory(home.keys)
    with locked(home.keys):
        return {role: _token(home, role) for role in ROLES}


def token_file(home: Home, role: Role) -> Path:
    """Where a role's token is kept."""
    return home.keys / _FILES[role]


def _token(home: Home, role: Role) -> str:
    path = token_file(home, role)
    if not path.exists():
        write_whole(path, f"aexweb_{secrets.token_urlsafe(32)}\n".encode(), PRIVATE)
    check_private(path)
    try:
        token = path.read_text(encoding="ascii").strip()
    except UnicodeError:
        token = ""
    if len(token) < _SHORTEST or not token.isprintable() or " " in token:
        raise HomeError(f"{path} holds no token; remove it, and the next start makes a new one")
    return token
