"""The rows of hosts against the price catalogue, which lists the same addresses on its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from genai_prices.data_snapshot import get_snapshot

from providers import registry
from providers.hosts import HOSTS
from providers.paths import canonical
from providers.provider import Provider
from providers.registry import PROVIDERS
from providers.subscriptions import SUBSCRIPTIONS

PATTERNS = {entry.id: entry.api_pattern for entry in get_snapshot().providers}
REMOTE = [host for host in HOSTS if not host.free]
# More hosts than the catalogue lists, each by its own documentation.
UNLISTED = {
    "api.business.githubcopilot.com",
    "api.enterprise.githubcopilot.com",
    "api.individual.githubcopilot.com",
    "api.together.ai",
    "eu-west-1.api.x.ai",
    "eu.openrouter.ai",
    "us-east-1.api.x.ai",
}


@pytest.mark.parametrize("provider", REMOTE, ids=lambda provider: provider.id)
def test_a_host_is_where_the_catalogue_has_it(provider: Provider) -> None:
    """The id is one that has prices, and its hosts are those that the catalogue prices."""
    prefix = provider.price_as.partition("{")[0]
    listed = [
        pattern
        for id_, pattern in PATTERNS.items()
        if id_ == provider.id or (prefix and id_.startswith(prefix))
    ]
    assert listed
    for host in provider.hosts:
        asked = [f"https://{host}/{tail}" for tail in ("", "groq", "novita")]
        found = any(re.match(pattern, url) for pattern in listed for url in asked)
        assert found is (host not in UNLISTED), host


def test_only_the_customer_s_own_hosts_have_no_address() -> None:
    """Azure and local servers wait for the operator to say where they are; all others are known."""
    unset = {provider.id for provider in HOSTS if not provider.upstream}
    assert unset == {"azure", "vllm", "lmstudio", "llamacpp", "ollama"}
    for provider in HOSTS:
        assert bool(provider.hosts) is bool(provider.upstream)
        assert not provider.free or not provider.upstream


@pytest.mark.parametrize("provider", HOSTS, ids=lambda provider: provider.id)
def test_an_openai_sdk_finds_the_host(provider: Provider) -> None:
    """Below `/NAME/v1` at AEX stands what OpenAI SDKs append to a base URL."""
    prefixes = sorted(provider.base_prefixes, key=lambda pair: -len(pair[0]))
    name = prefixes[-1][0] if provider.id != "google" else "/gemini"
    asked = f"{name}/v1/chat/completions"
    ours, theirs = next(pair for pair in prefixes if asked.startswith(pair[0] + "/"))
    path = theirs + asked[len(ours) :]
    assert canonical(provider.nests, path)[0] == "/v1/chat/completions"


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_every_row_is_on_the_page(provider: Provider) -> None:
    """The page of providers names each with its key, its first host and its base URL."""
    page = (Path(registry.__file__).parent / "README.md").read_text()
    (row,) = [
        line for line in page.splitlines() if line.startswith("|") and f"`{provider.id}`" in line
    ]
    if provider in SUBSCRIPTIONS:
        assert all(host in row for host in provider.hosts)
        return
    assert f"`{provider.api_key_env}`" in row
    assert not provider.hosts or provider.hosts[0] in row
    assert provider.free or any(f"`{ours}" in row for ours, _ in provider.base_prefixes)
