"""The provider table as this installation has it: the built-in rows and what aex.toml changes.

Owns: which hosts are governed, where their calls really go, and which key goes with them.
Destinations come from here alone: no header, body field or redirect moves a call or a key.
Refuses to know: requests, budgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aex_addon.settings import ConfigError, ProviderSettings
from aex_addon.tokens import looks_like_token
from providers.registry import PROVIDERS, Provider


@dataclass(frozen=True, slots=True)
class Route:
    """Where the calls of one provider go. `base_path` has no slash at its end.

    key is the provider key, kept out of every representation; `key_required` says that a call
    without one is pointless, because the provider's own host is asked.
    """

    provider: Provider
    hosts: tuple[str, ...]
    scheme: str
    host: str
    port: int
    base_path: str
    key: str | None = field(repr=False)
    key_name: str
    key_required: bool

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id


class Routes:
    """Look-ups in the configured table."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._all = routes
        self._by_id = {route.id: route for route in routes}
        self._by_host = {host.lower(): route for route in routes for host in route.hosts}
        prefixes = [
            (ours, theirs, route)
            for route in routes
            for ours, theirs in route.provider.base_prefixes
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
        return [route.key for route in self._all if route.key]

    @property
    def keyless(self) -> list[Route]:
        """Routes to a place of the operator's own that name a key which is not set."""
        return [route for route in self._all if not route.key and not route.key_required]

    def by_id(self, provider_id: str) -> Route | None:
        """The route of a provider."""
        return self._by_id.get(provider_id)

    def by_host(self, host: str) -> Route | None:
        """The route of a governed host (any case, a root dot allowed)."""
        return self._by_host.get(host.lower().rstrip("."))

    def by_base_url(self, path: str) -> tuple[Route, str] | None:
        """The route of a path at AEX's own address, and the provider's own path and query."""
        bare, mark, query = path.partition("?")
        for ours, theirs, route in self._by_prefix:
            if bare == ours or bare.startswith(ours + "/"):
                return route, theirs + bare[len(ours) :] + mark + query
        return None


def routes(configured: Mapping[str, ProviderSettings], environ: Mapping[str, str]) -> Routes:
    """The table. Raises ConfigError for a provider that AEX does not know, or a token as a key."""
    known = {provider.id for provider in PROVIDERS}
    strange = tuple(
        f"aex.toml: [providers.{name}] is none of those AEX knows: {', '.join(sorted(known))}"
        for name in configured
        if name not in known
    )
    if strange:
        raise ConfigError(strange)
    return Routes(
        tuple(_route(provider, configured.get(provider.id), environ) for provider in PROVIDERS)
    )


def _route(
    provider: Provider, changed: ProviderSettings | None, environ: Mapping[str, str]
) -> Route:
    upstream = changed.upstream if changed and changed.upstream else provider.upstream
    key_name = changed.api_key_env if changed and changed.api_key_env else provider.api_key_env
    parts = urlsplit(upstream)
    key = environ.get(key_name) or None
    if key is not None and looks_like_token(key):
        raise ConfigError(
            (f"{key_name} holds an agent's AEX token; the gateway needs the provider's key there",)
        )
    return Route(
        provider=provider,
        hosts=tuple(changed.hosts) if changed and changed.hosts else provider.hosts,
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if parts.scheme == "https" else 80),
        base_path=parts.path.rstrip("/"),
        key=key,
        key_name=key_name,
        key_required=not (changed and changed.upstream),
    )
