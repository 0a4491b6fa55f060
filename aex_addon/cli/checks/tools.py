"""Can tools run here, if there are any?

Owns: the verdict on the sandbox. Refuses to know: what the sandbox is made of.
"""

from __future__ import annotations

from collections.abc import Iterator

from aex_addon.cli.checks.verdict import Verdict, broken, sound
from aex_addon.home import Home
from aex_addon.tools import sandbox


def look(home: Home) -> Iterator[Verdict]:
    """One verdict. A machine on which none can run is sound as long as none is installed."""
    found = sandbox.trouble()
    if not found:
        yield sound("tools", "one was run in its sandbox")
    elif home.tools.is_dir() and any(home.tools.iterdir()):
        yield broken("tools", f"every run is refused: {found[0]}", found[1])
    else:
        yield sound("tools", f"none is installed, and none could run: {found[0]} ({found[1]})")
