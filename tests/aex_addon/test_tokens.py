"""Tokens and ids: forms that a scanner knows, and that nothing has to escape."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aex_addon.tokens import (
    TOKEN,
    looks_like_token,
    mint,
    mint_execution_id,
    token_hash,
    token_id,
)


def test_a_token_has_its_form() -> None:
    """It starts with aex_, has 53 characters, and none needs escaping in a URL."""
    secret = mint().secret
    assert len(secret) == 53
    assert TOKEN.fullmatch(secret)
    assert quote(secret, safe="") == secret
    assert looks_like_token(secret)


def test_only_the_hash_and_the_id_are_for_keeping() -> None:
    """The hash is SHA-256, the id comes from it, and the repr holds no secret."""
    token = mint()
    assert token.token_hash == hashlib.sha256(token.secret.encode()).hexdigest()
    assert token.token_id == token_id(token.token_hash)
    assert len(token.token_id) == len("tok_") + 8
    assert token.secret not in repr(token)


def test_tokens_differ() -> None:
    """No two tokens are alike."""
    assert len({mint().secret for _ in range(200)}) == 200


@pytest.mark.parametrize("place", [0, 4, 20, 46, 47, 52])
def test_one_wrong_character_shows(place: int) -> None:
    """The checksum finds a single changed character anywhere."""
    secret = mint().secret
    other = "A" if secret[place] != "A" else "B"
    assert not looks_like_token(secret[:place] + other + secret[place + 1 :])


@given(st.text())
def test_other_text_is_no_token(text: str) -> None:
    """Any text can be asked about and hashed, lone surrogates too."""
    assert not looks_like_token(text)
    assert len(token_hash(text + "\ud800")) == 64


@pytest.mark.parametrize("wrap", ["{}\n", " {}", "{}x", "x{}"])
def test_a_token_stands_alone(wrap: str) -> None:
    """What has something before or after it is no token."""
    assert not looks_like_token(wrap.format(mint().secret))


def test_execution_ids_sort_by_time() -> None:
    """A later millisecond sorts after an earlier one, whatever the random part is."""
    early = mint_execution_id(1_700_000_000_000_000_000, b"\xff" * 10)
    late = mint_execution_id(1_700_000_000_001_000_000, b"\x00" * 10)
    assert early < late
    assert len(early) == len("ex_") + 32
    assert mint_execution_id(0, bytes(range(10))) == "ex_000000000000" + bytes(range(10)).hex()


def test_an_execution_id_takes_80_bits() -> None:
    """Too little entropy is refused."""
    with pytest.raises(ValueError, match="10 bytes"):
        mint_execution_id(0, b"short")
