"""The tokens of AEX's own pages: made once, closed to others, refused where they are not."""

from __future__ import annotations

import stat

import pytest

from aex_addon.home import Home, HomeError
from aex_addon.web_tokens import token_file, web_tokens
from certs.errors import KeyExposed
from web.auth import ROLES


@pytest.fixture
def home(aex_home: object) -> Home:
    made = Home(aex_home)  # type: ignore[arg-type]
    made.ensure()
    return made


def test_they_are_made_once(home: Home) -> None:
    """Two of them, private, long, and the same at the next start."""
    first = web_tokens(home)
    assert web_tokens(home) == first
    assert len(set(first.values())) == 2
    for role in ROLES:
        path = token_file(home, role)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() == first[role]
        assert len(first[role]) > 40


def test_one_that_others_can_read(home: Home) -> None:
    """It may be known by now: nothing starts with it, and the remedy is told."""
    web_tokens(home)
    token_file(home, "viewer").chmod(0o640)
    with pytest.raises(HomeError, match="chmod 600"):
        web_tokens(home)


def test_a_folder_that_others_can_write(home: Home) -> None:
    """They could put a token of their own there."""
    web_tokens(home)
    home.keys.chmod(0o770)
    with pytest.raises(KeyExposed):
        web_tokens(home)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 50, b"a" * 20 + b" " + b"a" * 20])
def test_one_that_is_damaged(home: Home, content: bytes) -> None:
    """An empty file opens nothing to nobody: it is refused, with the remedy."""
    web_tokens(home)
    token_file(home, "operator").write_bytes(content)
    with pytest.raises(HomeError, match="remove it"):
        web_tokens(home)
