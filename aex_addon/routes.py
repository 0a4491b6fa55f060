"""The provider table as this installation has it, and how a call finds its way in it.

Owns: which hosts are governed, where their calls really go, and which key goes with them.
Destinations come from here alone: no header, body field or redirect moves a call or a key.
Refuses to know: requests, budgets, how a row came about (provider_rows.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aex_addon.provider_rows import Row, rows
from aex_addon.settings import ConfigError, ProviderSettings
from aex_addon.tokens import looks_like_token
from providers.provider import Provider


@dataclass(frozen=True, slots=True)
class Route:
    """Where calls of one provider go: the default, or those to one of its hosts.

    base_path has no slash at its end. key is the provider key, kept out of every representation;
    `key_required` says that a call without one is pointless, because the provider's own host is
    asked.
    """

    provider: Provider
    scheme: str
    host: str
    port: int
    base_path: str
    key: str | None = field(repr=False)
    key_required: bool

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id

    @property
    def key_name(self) -> str:
        """The variable that holds its key."""
        return self.provider.api_key_env


class Routes:
    """Look-ups in the configured table."""

    def __init__(self, table: tuple[Row, ...], keys: Mapping[str, str]) -> None:
        self.providers = tuple(row.provider for row in table)
        self._by_id: dict[str, Route] = {}
        self._by_host: dict[str, Route] = {}
        for row in table:
            key = keys.get(row.provider.id)
            if row.upstream:
                self._by_id[row.provider.id] = _route(row, row.upstream, key)
            for host in row.provider.hosts:
                upstream = row.upstream if row.moved else f"https://{host}"
                self._by_host[host.lower()] = _route(row, upstream, key)
        prefixes = [
            (ours, theirs, provider.id)
            for provider in self.providers
            for ours, theirs in provider.base_prefixes
        ]
        # Longest first, so that a prefix inside another one is found.
        self._by_prefix = sorted(prefixes, key=lambda row: -len(row[0]))

    @property
    def hosts(self) -> tuple[str, ...]:
        """All governed hosts, sorted: what the certificate authority may speak for."""
        return tuple(sorted(self._by_host))

    @property
    def keys(self) -> list[str]:
        """Every provider key, so that logs can leave them out."""
        return [route.key for route in self._by_id.values() if route.key]

    @property
    def keyless(self) -> list[Route]:
        """Routes to a place of the operator's own that name a key which is not set."""
        return [
            route
            for route in self._by_id.values()
            if route.key_name and not route.key and not route.key_required
            if not route.provider.free
        ]

    def by_id(self, provider_id: str) -> Route | None:
        """The default route of a provider; None if there is no such provider, or no address."""
        return self._by_id.get(provider_id)

    def by_host(self, host: str) -> Route | None:
        """The route of a governed host (any case, a root dot allowed)."""
        return self._by_host.get(host.lower().rstrip("."))

    def of(self, provider_id: str, host: str) -> Route | None:
        """The route of a call to one of a provider's hosts, or by its base URL (host empty)."""
        return self.by_host(host) if host else self.by_id(provider_id)

    def by_base_url(self, path: str) -> tuple[str, str] | None:
        """The provider of a path at AEX's own address, and its own path and query."""
        bare, mark, query = path.partition("?")
        for ours, theirs, provider_id in self._by_prefix:
            if bare == ours or bare.startswith(ours + "/"):
                return provider_id, theirs + bare[len(ours) :] + mark + query
        return None


def routes(configured: Mapping[str, ProviderSettings], environ: Mapping[str, str]) -> Routes:
    """The table. Raises ConfigError for a provider that cannot be, or a token as a key."""
    table = rows(configured)
    keys, problems = {}, []
    for row in table:
        name = row.provider.api_key_env
        key = environ.get(name) if name else None
        if key and looks_like_token(key):
            problems.append(
                f"{name} holds an agent's AEX token; the gateway needs the provider's key there"
            )
        if key:
            keys[row.provider.id] = key
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return Routes(table, keys)


def _route(row: Row, upstream: str, key: str | None) -> Route:
    parts = urlsplit(upstream)
    return Route(
        provider=row.provider,
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if parts.scheme == "https" else 80),
        base_path=parts.path.rstrip("/"),
        key=key,
        key_required=not row.moved,
    )
