"""The provider table: who lives where, and which format speaks for a call."""

from __future__ import annotations

import pytest

from providers import registry
from providers.wire import Call


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /v1/chat/completions", "openai_chat"),
        ("POST /v1/embeddings", "openai_embeddings"),
        ("GET /v1/models", "openai_free"),
        ("GET /v1/chat/completions/chatcmpl-1", "openai_free"),
        ("POST /v1/images/generations", None),
        ("GET /v1/chat/completions/", None),
    ],
)
def test_each_call_has_one_format_or_none(line: str, name: str | None) -> None:
    """A call of a known provider goes to the format that claims it; others to none."""
    method, _, path = line.partition(" ")
    found = registry.find(Call("openai", method, path, "", {}, b""))
    assert (found.name if found else None) == name
    assert registry.find(Call("nobody", method, path, "", {}, b"")) is None


def test_hosts_and_prefixes_belong_to_one_provider() -> None:
    """No host and no prefix is claimed twice, and every named format exists."""
    names = {each.name for each in registry.FORMATS}
    hosts = [host for provider in registry.PROVIDERS for host in provider.hosts]
    prefixes = [ours for provider in registry.PROVIDERS for ours, _ in provider.base_prefixes]
    assert len(hosts) == len(set(hosts))
    assert len(prefixes) == len(set(prefixes))
    for provider in registry.PROVIDERS:
        assert set(provider.formats) <= names
        assert provider.upstream.startswith("https://")
        assert provider.upstream.removeprefix("https://") in provider.hosts


def test_a_path_at_our_address_becomes_the_providers_own() -> None:
    """Both prefixes lead to the same path, and a longer word is no prefix."""
    openai = registry.by_id("openai")
    assert openai is not None
    assert registry.by_base_path("/v1/models") == (openai, "/v1/models")
    assert registry.by_base_path("/openai/v1/models") == (openai, "/v1/models")
    assert registry.by_base_path("/v1") == (openai, "/v1")
    assert registry.by_base_path("/v1beta/models") is None
    assert registry.by_base_path("/dashboard") is None


def test_hosts_are_found_in_any_case() -> None:
    """DNS names have no case, and may end in a dot."""
    assert registry.by_host("API.openai.com.") is registry.by_id("openai")
    assert registry.by_host("openai.com") is None
    assert registry.by_host("api.openai.com.evil.example") is None
