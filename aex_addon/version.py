"""Which AEX this is.

Owns: the one way to ask for the version, installed or run from a checkout.
Refuses to know: who asks.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """The version of the installed package, else of the checkout, else "unknown"."""
    try:
        return metadata.version("aex")
    except metadata.PackageNotFoundError:
        return _of_checkout(Path(__file__).resolve().parent.parent / "pyproject.toml")


def _of_checkout(pyproject: Path) -> str:
    try:
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return "unknown"
    return str(project["version"]) if project.get("name") == "aex" else "unknown"
