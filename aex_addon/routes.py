"""The provider table as this installation has it, and how a call finds its way in it.

Owns: which hosts are governed, where their calls really go, and which credentials go with them.
Destinations come from here alone: no header, body field or redirect moves a call or a key.
Refuses to know: requests, budgets, how a row came about (provider_rows.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aex_addon.credentials import Credentials
from aex_addon.known_secrets import Secrets
from aex_addon.provider_rows import NO_SERVERS, Row, rows
from aex_addon.provision import begin, credentials
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
from providers.provider import Provider


@dataclass(frozen=True, slots=True)
class Route:
    """Where calls of one provider go: the default, or those to one of its hosts.

    base_path has no slash at its end.
    """

    provider: Provider
    scheme: str
    host: str
    port: int
    base_path: str
    credentials: Credentials = field(repr=False)

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id


class Routes:
    """Look-ups in the configured table."""

    def __init__(
        self, table: tuple[Row, ...], access: Mapping[str, Credentials], secrets: Secrets
    ) -> None:
        self.providers = tuple(row.provider for row in table)
        self.secrets = secrets
        self._by_id: dict[str, Route] = {}
        self._by_host: dict[str, Route] = {}
        for row in table:
            own = access[row.provider.id]
            if row.upstream:
                self._by_id[row.provider.id] = _route(row, row.upstream, own)
            for host in row.provider.hosts:
                upstream = row.upstream if row.moved else f"https://{host}"
                self._by_host[host.lower()] = _route(row, upstream, own)
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
    def keyless(self) -> list[Route]:
        """Routes to a place of the operator's own that name a key which is not set."""
        return [
            route
            for route in self._by_id.values()
            if route.credentials.name and route.credentials.goes_without
            if not route.provider.free
        ]

    def leave_out(self, hosts: Set[str]) -> None:
        """From now on these hosts are not governed: nobody could speak for them."""
        for host in hosts:
            self._by_host.pop(host, None)

    def begin(self) -> None:
        """Reads every secret once; it may block. Raises ConfigError, see provision.py."""
        each = [*self._by_host.values(), *self._by_id.values()]
        begin({route.id: (route.credentials, route.host) for route in each}.values())

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


def routes(
    configured: Mapping[str, ProviderSettings],
    environ: Mapping[str, str],
    secrets: Secrets | None = None,
    servers: Mapping[str, McpSettings] = NO_SERVERS,
) -> Routes:
    """The table. Raises ConfigError for a provider that cannot be, or a token as a key.

    secrets: those that are known already, to which the table's are added; servers: those of MCP.
    """
    table, secrets = rows(configured, servers), secrets or Secrets()
    access: dict[str, Credentials] = {}
    problems: list[str] = []
    for row in table:
        try:
            access[row.provider.id] = credentials(row, environ, secrets)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return Routes(table, access, secrets)


def _route(row: Row, upstream: str, access: Credentials) -> Route:
    parts = urlsplit(upstream)
    return Route(
        provider=row.provider,
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if parts.scheme == "https" else 80),
        base_path=parts.path.rstrip("/"),
        credentials=access,
    )
