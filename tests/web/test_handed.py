"""What is handed over shows no secret."""

from __future__ import annotations

from web.handed import Minted


def test_a_token_is_not_shown() -> None:
    """Its secret stays out of what is printed and logged."""
    assert "secret" not in repr(Minted("secret", "hash", "id"))
