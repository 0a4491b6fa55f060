"""The gateway: does it run, does it serve, is it this version, and is its address free if not?

Owns: the looks at the process and its port. Refuses to know: how a gateway is started.
"""

from __future__ import annotations

import socket

from aex_addon.cli import process
from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound
from aex_addon.cli.health import probe
from aex_addon.home import Home
from aex_addon.settings import Settings
from aex_addon.version import version


def look(home: Home, settings: Settings) -> list[Verdict]:
    """One verdict on the gateway of the home, or on the address that it would take."""
    found = process.find(home)
    if found.state == "running":
        return [_running(found)]
    if found.state == "unnamed":
        return [sound("gateway", "the home is in use, by a gateway that starts or by mitmdump")]
    return [doubtful("gateway", "none runs", "run: aex up, or aex daemon start"), _port(settings)]


def _running(found: process.Gateway) -> Verdict:
    health = probe(*process.reachable(found.listen))
    if not health.ok:
        said = f"pid {found.pid} on {found.listen} does not serve: {health.reason}"
        return broken("gateway", said, "see its log: aex daemon logs")
    said = f"serves on http://{found.listen} (pid {found.pid}, version {found.version})"
    if found.version != version():
        remedy = f"this is AEX {version()}; restart the gateway: aex daemon restart"
        return doubtful("gateway", said, remedy)
    return sound("gateway", said)


def _port(settings: Settings) -> Verdict:
    host, port = settings.listen_host, settings.listen_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        remedy = 'end what listens there, or choose another with listen = "HOST:PORT" in aex.toml'
        return broken("port", f"{settings.listen} cannot be had: {error.strerror}", remedy)
    return sound("port", f"{settings.listen} is free")
