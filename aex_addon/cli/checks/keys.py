"""The providers: is there a key for each, and, if asked, does its host answer?

Owns: where each provider's key is looked for, and one connection to each host. A key is never
shown, nor is anything of it. Refuses to know: whether a provider takes the key.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound
from aex_addon.routes import Route, Routes
from aex_addon.settings_values import ConfigError

Upstream = tuple[str, str, int, str]

_PATIENCE_S = 5.0
_WORKERS = 16


def look(table: Routes, configured: Collection[str]) -> list[Verdict]:
    """Reads every secret as the gateway would; helper programs are run for it.

    configured: the providers that aex.toml names; of the others a missing key is no trouble.
    """
    try:
        table.begin()
    except ConfigError as error:
        return [broken("keys", "; ".join(error.problems), "mend these lines of aex.toml")]
    routed = _routed(table)
    found = [verdict for route in routed if (verdict := _key(route, configured)) is not None]
    without = [route.id for route in routed if route.credentials.lacks]
    return [*found, _summary(any(verdict.level == "ok" for verdict in found), without)]


def _summary(present: bool, without: list[str]) -> Verdict:
    if not present:
        remedy = "export a key, such as OPENAI_API_KEY, where the gateway is started"
        return doubtful("keys", "no provider has a key here", remedy)
    if not without:
        return sound("keys", "every provider has what it needs")
    return sound("keys", f"calls are refused, for want of a key, to {', '.join(without)}")


def _routed(table: Routes) -> list[Route]:
    found = (table.by_id(provider.id) for provider in table.providers)
    return [route for route in found if route is not None]


def _key(route: Route, configured: Collection[str]) -> Verdict | None:
    """None where nothing is there and nobody says that there should be."""
    access, about = route.credentials, f"key of {route.id}"
    if access.of_agent:
        # Where that is so by the table, nobody has to be told of it.
        said = "the agent's own goes out"
        return sound(about, said) if route.id in configured else None
    if not access.lacks:
        return sound(about, "none needed" if access.goes_without else f"present: {access.name}")
    if route.id not in configured:
        return None
    remedy = f"set {access.name} where the gateway runs"
    return broken(about, f"there is none in {access.name}", remedy)


def reach(table: Routes) -> list[Verdict]:
    """Connects to each upstream, with TLS where it has it; sends nothing."""
    upstreams = sorted({(each.id, each.host, each.port, each.scheme) for each in _routed(table)})
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(_connect, upstreams))


def _connect(upstream: Upstream) -> Verdict:
    provider, host, port, scheme = upstream
    about, where = f"way to {provider}", f"{host}:{port}"
    try:
        with socket.create_connection((host, port), _PATIENCE_S) as raw:
            if scheme == "https":
                with ssl.create_default_context().wrap_socket(raw, server_hostname=host):
                    pass
    except (OSError, ValueError) as error:
        said = f"{where}: {getattr(error, 'strerror', None) or error}"
        return broken(about, said, f"see that this machine may reach {host}")
    return sound(about, f"{where} answers")
