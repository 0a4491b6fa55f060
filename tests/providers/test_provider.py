"""What every row of the provider table has in common."""

from __future__ import annotations

import pytest

from providers.provider import KeyHeader, Provider
from providers.registry import PROVIDERS


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_row_is_whole(provider: Provider) -> None:
    """Names are in the form that look-ups use, addresses are HTTPS and bare, keys have a place."""
    for host in provider.hosts:
        assert host == host.lower().strip(".")
        assert "." in host
    if provider.upstream:
        assert provider.upstream.removeprefix("https://") in provider.hosts
    for ours, theirs in provider.base_prefixes:
        assert ours.startswith("/")
        assert not ours.endswith("/")
        assert not theirs.endswith("/")
    for nested, theirs in provider.nests:
        assert not nested.endswith("/")
        assert not theirs.endswith("/")
    assert provider.api_key_env.isupper() or provider.credentials == "agent"
    assert provider.key_header.name == provider.key_header.name.lower()
    assert provider.formats


def test_a_key_is_a_bearer_token_unless_a_row_says_otherwise() -> None:
    """Most APIs take it so."""
    assert KeyHeader() == KeyHeader("authorization", "Bearer ")
