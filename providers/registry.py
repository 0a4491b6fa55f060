"""Which providers there are, where they live, and which wire formats they speak. All of it data.

Owns: the two tables and look-ups in them. Refuses to know: keys themselves, sockets, prices.
A new provider is a row; a new API shape is a file and an entry in FORMATS.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.openai_chat import OPENAI_CHAT
from providers.openai_embeddings import OPENAI_EMBEDDINGS
from providers.openai_other import OPENAI_FREE
from providers.wire import Call, WireFormat

# In the order they are asked; the free paths last, so that a metered format always goes first.
FORMATS: tuple[WireFormat, ...] = (OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_FREE)


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """The header that carries a provider key, and what stands before the key in it."""

    name: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    id:            as the price catalogue names it.
    hosts:         exact lower-case names that the proxy door governs.
    upstream:      where the base-URL door sends calls: scheme and host, no path.
    base_prefixes: (prefix at AEX's own address, prefix at the provider), for the base-URL door.
    api_key_env:   the environment variable that holds the provider key.
    formats:       names of the wire formats it speaks.
    """

    id: str
    hosts: tuple[str, ...]
    upstream: str
    base_prefixes: tuple[tuple[str, str], ...]
    api_key_env: str
    formats: tuple[str, ...]
    key_header: KeyHeader = KeyHeader()


PROVIDERS: tuple[Provider, ...] = (
    # https://platform.openai.com/docs/api-reference/authentication
    Provider(
        id="openai",
        hosts=("api.openai.com",),
        upstream="https://api.openai.com",
        base_prefixes=(("/v1", "/v1"), ("/openai/v1", "/v1")),
        api_key_env="OPENAI_API_KEY",
        formats=("openai_chat", "openai_embeddings", "openai_free"),
    ),
)

_BY_ID = {provider.id: provider for provider in PROVIDERS}
_BY_HOST = {host: provider for provider in PROVIDERS for host in provider.hosts}
# Longest first, so that a prefix inside another one is found.
_BY_PREFIX = sorted(
    ((ours, theirs, provider) for provider in PROVIDERS for ours, theirs in provider.base_prefixes),
    key=lambda row: -len(row[0]),
)


def find(call: Call) -> WireFormat | None:
    """The format that speaks for this call, None if its provider has none for it."""
    provider = _BY_ID.get(call.provider)
    if provider is None:
        return None
    for wire_format in FORMATS:
        if wire_format.name in provider.formats and wire_format.claims(call):
            return wire_format
    return None


def error_format(provider_id: str) -> WireFormat:
    """The format whose errors a provider's SDK understands; OpenAI's where none is known."""
    provider = _BY_ID.get(provider_id)
    if provider is not None:
        for wire_format in FORMATS:
            if wire_format.name in provider.formats:
                return wire_format
    return OPENAI_CHAT


def by_id(provider_id: str) -> Provider | None:
    """The provider with this id."""
    return _BY_ID.get(provider_id)


def by_host(host: str) -> Provider | None:
    """The provider that lives at this host (any case, no port, a root dot allowed)."""
    return _BY_HOST.get(host.lower().removesuffix("."))


def by_base_path(path: str) -> tuple[Provider, str] | None:
    """The provider a path at AEX's own address belongs to, and the provider's own path."""
    for ours, theirs, provider in _BY_PREFIX:
        if path == ours or path.startswith(ours + "/"):
            return provider, theirs + path[len(ours) :]
    return None
