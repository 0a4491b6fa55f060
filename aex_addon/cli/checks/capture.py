"""Other ways in: can this machine capture as aex.toml says, and is there somebody who pays?

Owns: the looks at `[capture]`. Refuses to know: what becomes of a captured connection; the rules of
a firewall, which are whoever's it is.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Set

from aex_addon.capture_modes import kind_of
from aex_addon.cli.checks.verdict import Verdict, broken, sound
from aex_addon.home import Home
from aex_addon.settings_tables import CaptureSettings
from aex_addon.vpn import keys_file
from ledger.errors import LedgerError
from ledger.read import Reader

# Where a listener can ask the system for the address that a client chose.
_REDIRECTING = ("linux", "darwin", "freebsd", "openbsd", "win32")


def look(home: Home, ledger: str, captures: Mapping[str, CaptureSettings]) -> Iterator[Verdict]:
    """One verdict on each mode."""
    if not captures:
        return
    try:
        with Reader(ledger, home.path) as reader:
            known = {one.name for one in reader.agents() if one.kind == "agent"}
    except LedgerError:
        # books.py tells what is wrong with it; without one there is nobody.
        known = set()
    for mode, capture in captures.items():
        yield _verdict(home, mode, capture, known)


def _verdict(home: Home, mode: str, capture: CaptureSettings, known: Set[str]) -> Verdict:
    pays: dict[str, str] = {**capture.agents}
    if capture.agent:
        pays["all"] = capture.agent
    missing = sorted(set(pays.values()) - known)
    if missing:
        said = f"{mode}: there is no agent {', '.join(missing)}; the gateway will not start"
        return broken("capture", said, f"run: aex agent create {missing[0]} BUDGET_USD RPM")
    listed = ", ".join(f"{source} is {name}'s" for source, name in pays.items())
    trouble = _TROUBLES[kind_of(mode)](home, mode)
    if trouble:
        return broken("capture", f"{mode}: {trouble[0]}", trouble[1])
    return sound("capture", f"{mode}: {listed}")


def _transparent(_home: Home, _mode: str) -> tuple[str, str] | None:
    if sys.platform.startswith(_REDIRECTING):
        return None
    return "this system does not tell where a redirected client meant to go", "use another mode"


def _wireguard(home: Home, mode: str) -> tuple[str, str] | None:
    keys = keys_file(mode, home.ca_dir)
    if keys.exists() and keys.stat().st_mode & 0o077:
        return f"others may read its keys in {keys}", f"run: chmod 600 {keys}"
    return None


def _local(_home: Home, _mode: str) -> tuple[str, str] | None:
    from mitmproxy_rs.local import LocalRedirector

    reason = LocalRedirector.unavailable_reason()
    if reason:
        return reason, "use another mode"
    if sys.platform == "linux" and not shutil.which("sudo"):
        return "mitmproxy starts its redirector with sudo, which is not here", "install sudo"
    return None


_TROUBLES = {"transparent": _transparent, "wireguard": _wireguard, "local": _local}
