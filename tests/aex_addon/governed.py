"""A gateway with rules and plugins.

Owns: putting them into a home before it starts. Refuses to know: what is asserted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.aex_addon.policy.plugins import plugin
from tests.aex_addon.rig import Rig, gateway

PATIENT = {"deadline_ms": 20_000}


def put(home: Path, plugins: Mapping[str, str]) -> None:
    """Plugins by name: the lines of their `evaluate`, or a whole file that has one."""
    folder = home / "policies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    for name, lines in plugins.items():
        whole = lines if "evaluate" in lines else plugin(name, *lines.split("\n")).source
        (folder / name).write_text(whole)
        (folder / name).chmod(0o600)


@asynccontextmanager
async def governed(
    home: Path,
    port: int,
    *rules: Mapping[str, Any],
    plugins: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Rig]:
    """Its plugins have time, unless a test is about that."""
    put(home, plugins or {})
    given = {"policy": PATIENT, "rules": list(rules), **changes}
    async with gateway(home, port, **given) as rig:
        yield rig


def said(rig: Rig) -> list[dict[str, Any]]:
    """What the log holds of the policy, for each call."""
    with rig.reader() as reader:
        stories = [reader.story(row.execution_id)[0].event.data() for row in rig.executions()]
    return [story.get("policy", {}) for story in stories]
