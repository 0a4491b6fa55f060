"""The rows of the provider table that this installation has: the built-in ones, changed by
aex.toml, and those that aex.toml adds.

Owns: what a [providers.NAME] table makes of a row, and every mistake in it.
Refuses to know: keys, and how a call finds its row (routes.py).

A provider with an address of its own may be sent elsewhere: then its paths go below the path of the
new address, whoever asked. One without (a new one, Azure, a local server) is where its address
says: what stands below that address is its API, under its own host as under its base URL.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_tables import KeySettings, ProviderSettings
from aex_addon.settings_values import ConfigError
from aex_addon.tools.request import PROVIDER as OWN_TOOLS
from certs.errors import HostRefused
from certs.hosts import permitted_names
from providers import mcp_server
from providers.provider import KeyHeader, KeyParameter, Nests, Provider
from providers.registry import PROVIDERS, family
from providers.subscriptions import METERED

# What AEX's own address serves besides: no provider's prefix may hide it.
PAGES = frozenset(("admin", "api", "dashboard", "health", "metrics", "static", "v1"))
NO_SETTINGS = ProviderSettings()
NO_SERVERS: Mapping[str, McpSettings] = {}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION = re.compile(r"/v\d\w*\Z")


@dataclass(frozen=True, slots=True)
class Row:
    """One provider, as configured.

    upstream: where its calls go; empty where nobody has said. With `moved` all of them go there,
              whichever of its hosts was asked, and below its path; else each host is its own.
    settings: what was configured, for those who know about keys.
    """

    provider: Provider
    upstream: str
    moved: bool
    settings: ProviderSettings = NO_SETTINGS


def rows(
    configured: Mapping[str, ProviderSettings], servers: Mapping[str, McpSettings] = NO_SERVERS
) -> tuple[Row, ...]:
    """All rows, those of MCP servers last. Raises ConfigError with one line for each that cannot
    be."""
    known = {provider.id: provider for provider in PROVIDERS}
    found: dict[str, ProviderSettings] = {}
    problems = []
    for name, settings in configured.items():
        named = next((id_ for id_ in known if name in (id_, re.sub(r"\W", "_", id_))), name)
        if named in found:
            problems.append(f"aex.toml: [providers.{named}] is configured twice, also as {name}")
        found[named] = settings
    for name, settings in found.items():
        if settings.subscription is not None and name not in METERED:
            which = ", ".join(METERED)
            problems.append(
                f"aex.toml: [providers.{name}] has no plan that can be metered; "
                f"subscription is for {which}"
            )
    if problems:
        raise ConfigError(tuple(sorted(problems)))
    made = [_changed(provider, found.get(provider.id, NO_SETTINGS)) for provider in PROVIDERS]
    for name in (name for name in found if name not in known):
        problem = _mistake(name, found[name], known)
        if problem:
            problems.append(f"aex.toml: [providers.{name}] {problem}")
        else:
            made.append(_new(name, found[name]))
    for name, server in servers.items():
        problem = "is a provider's name too" if name in found else _unusable(name, known)
        if problem:
            problems.append(f"aex.toml: [mcp.{name}] {problem}")
        else:
            made.append(_served(name, server))
    problems += _clashes(made)
    for row in made:
        if row.provider.free and row.provider.price_as:
            id_ = row.provider.id
            problems.append(f"aex.toml: [providers.{id_}] is free, so price_as has no place in it")
    if problems:
        raise ConfigError(tuple(sorted(problems)))
    return tuple(made)


def _changed(provider: Provider, settings: ProviderSettings) -> Row:
    """A built-in provider under the operator's settings."""
    named = _named(provider, settings)
    if settings.upstream is None:
        return Row(named, provider.upstream, moved=False, settings=settings)
    if provider.upstream:
        return Row(named, settings.upstream, moved=True, settings=settings)
    return replace(_at(named, settings.upstream), settings=settings)


def _new(name: str, settings: ProviderSettings) -> Row:
    """A provider that only aex.toml knows."""
    assert settings.upstream is not None, "checked before"
    blank = Provider(
        id=name,
        hosts=(),
        upstream="",
        base_prefixes=((f"/{name}", ""),),
        api_key_env="",
        formats=(),
    )
    return replace(_at(_named(blank, settings), settings.upstream), settings=settings)


def _served(name: str, server: McpSettings) -> Row:
    """An MCP server; its calls go to its own address, whichever of its hosts was asked."""
    parts = urlsplit(server.url)
    host, upstream = parts.hostname or "", f"{parts.scheme}://{parts.netloc}"
    hosts = server.hosts or ([host] if _can_be_governed(host) else [])
    made = mcp_server.server(name, upstream, parts.path, server.paths, hosts)
    kept = server.model_dump(include=set(KeySettings.model_fields) - {"credentials"})
    own_key = any(kept[key] for key in kept if key.startswith("api_key") and "ttl" not in key)
    made = replace(
        made,
        credentials="key" if own_key or server.credentials == "key" else "optional",
        api_key_env=server.api_key_env or "",
        key_header=_key_header(server.key_header) or made.key_header,
    )
    return Row(made, upstream, moved=True, settings=ProviderSettings(**kept))


def _named(provider: Provider, settings: ProviderSettings) -> Provider:
    """The row with all that may be set, but for its address."""
    free = provider.free if settings.free is None else settings.free
    price_as = settings.price_as or ("" if settings.free else provider.price_as)
    formats = provider.formats
    if settings.subscription == "meter":
        formats = (*METERED[provider.id], *formats)
    if settings.formats:
        spoken = (family(name, price_as=price_as, free=free) for name in settings.formats)
        formats = tuple(dict.fromkeys(name for names in spoken for name in names))
    return replace(
        provider,
        hosts=tuple(settings.hosts) if settings.hosts else provider.hosts,
        api_key_env=settings.api_key_env or provider.api_key_env,
        key_header=_key_header(settings.key_header) or provider.key_header,
        formats=formats,
        price_as=price_as,
        free=free,
        own_names=provider.own_names and not settings.price_as,
    )


def _key_header(text: str | None) -> KeyHeader | KeyParameter | None:
    if text is None:
        return None
    if text.startswith("?"):
        return KeyParameter(text[1:])
    name, _, prefix = text.partition(":")
    return KeyHeader(name.lower(), f"{prefix.strip()} " if prefix.strip() else "")


def _at(provider: Provider, upstream: str) -> Row:
    """A provider whose API is what stands below this address."""
    parts = urlsplit(upstream)
    base, host = parts.path.rstrip("/"), parts.hostname or ""
    own = provider
    if base:
        prefixes = [(f"/{provider.id}", base)]
        # What is asked below a version is the same as below the version that the address names.
        prefixes += [(f"/{provider.id}/v1", base)] if _VERSION.search(base) else []
        own = replace(own, base_prefixes=tuple(prefixes))
    if base or not provider.nests:
        own = replace(own, nests=(*_nests(base), *provider.nests))
        # The address is as an OpenAI SDK is given it, which appends what OpenAI has below `/v1`.
        below = "" if not provider.nests or _VERSION.search(base) else provider.openai_base
        own = replace(own, openai_base=base + below)
    if not provider.hosts and _can_be_governed(host):
        own = replace(own, hosts=(host,))
    return Row(own, f"{parts.scheme}://{parts.netloc}", moved=True)


def _nests(base: str) -> Nests:
    return ((f"{base}/v1", "/v1"), (f"{base}/v1beta", "/v1beta"), (base, "/v1"))


def _can_be_governed(host: str) -> bool:
    """True for a name that a certificate can be made for; addresses and bare names are not."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return False
    try:
        permitted_names([host])
    except HostRefused:
        return False
    return True


def _mistake(name: str, settings: ProviderSettings, known: Mapping[str, Provider]) -> str:
    """Why this cannot be a new provider; empty if it can."""
    if name != OWN_TOOLS and (settings.upstream is None or settings.formats is None):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        listed = ", ".join(sorted(known))
        return f"is none of those AEX knows: {listed}. {hint}A new one needs upstream and formats."
    return _unusable(name, known)


def _unusable(name: str, known: Mapping[str, Provider]) -> str:
    """Why nothing can be served under this name; empty if it can."""
    if not _NAME.fullmatch(name):
        return "has a name that no path can hold; use a-z, 0-9, dot, dash and underscore"
    if name == OWN_TOOLS:
        return "is what the ledger calls AEX's own tools; use another name"
    if name in PAGES:
        return f"would hide AEX's own /{name}; use another name"
    taken = {ours: row.id for row in known.values() for ours, _ in row.base_prefixes}
    taken |= {f"/{id_}": id_ for id_ in known}
    if f"/{name}" in taken:
        return f"would hide {taken[f'/{name}']} at /{name}; use that name, or another"
    return ""


def _clashes(made: list[Row]) -> list[str]:
    """Hosts that two providers claim: a call to one would be priced by chance."""
    owners: dict[str, str] = {}
    problems = []
    for row in made:
        for host in row.provider.hosts:
            first = owners.setdefault(host.lower(), row.provider.id)
            if first != row.provider.id:
                problems.append(f"aex.toml: {host} is governed by {first} and by {row.provider.id}")
    return problems
