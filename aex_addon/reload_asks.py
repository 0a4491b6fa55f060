"""How the command line asks a running gateway to read its configuration anew.

Owns: the folder `reloads` of the home: a file with who asks, and one with what came of it, beside
the signal that makes the gateway look (SIGHUP). Only the home's owner can write there and signal.
Refuses to know: what a reload does (reload.py), which process is the gateway (cli/process.py).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aex_addon.home import Home
from aex_addon.reload import Report
from certs.files import PRIVATE, private_directory, write_whole

# Whoever sends the signal by hand gives no name.
BY_SIGNAL = "signal"

_ASKED, _TOLD = ".asked", ".told"
_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Ask:
    """One that has not been answered yet."""

    name: str
    actor: str


def ask(home: Home, actor: str) -> str:
    """Leaves a wish for the gateway to find; its name."""
    private_directory(home.reloads)
    name = secrets.token_hex(8)
    write_whole(home.reloads / f"{name}{_ASKED}", json.dumps({"actor": actor}).encode(), PRIVATE)
    return name


def told(home: Home, name: str) -> dict[str, Any] | None:
    """What came of a wish; None while it is not known."""
    try:
        found = json.loads((home.reloads / f"{name}{_TOLD}").read_bytes())
    except FileNotFoundError:
        return None
    return found if isinstance(found, dict) else None


def forget(home: Home, name: str) -> None:
    """Takes a wish and its answer away."""
    for suffix in (_ASKED, _TOLD):
        (home.reloads / f"{name}{suffix}").unlink(missing_ok=True)


def take(home: Home) -> list[Ask]:
    """All wishes that wait, each once."""
    found = []
    for path in sorted(home.reloads.glob(f"*{_ASKED}")):
        found.append(Ask(path.name.removesuffix(_ASKED), _actor(path)))
        path.unlink(missing_ok=True)
    return found


def tell(home: Home, asked: Ask, report: Report) -> None:
    """Leaves the answer for whoever asked."""
    write_whole(home.reloads / f"{asked.name}{_TOLD}", json.dumps(shape(report)).encode(), PRIVATE)


def shape(report: Report) -> Mapping[str, Any]:
    """The report as JSON."""
    return {"ok": report.ok, **{key: list(value) for key, value in asdict(report).items()}}


def clear(home: Home) -> None:
    """Takes away what an earlier run left."""
    for path in home.reloads.glob("*"):
        path.unlink(missing_ok=True)


def _actor(path: Path) -> str:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_BYTES_MAX))
        return str(said["actor"]) or BY_SIGNAL
    except (OSError, ValueError, TypeError, KeyError):
        return BY_SIGNAL
