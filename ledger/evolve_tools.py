"""What events of tools do to the rows.

Owns: the meaning of each such event.
Refuses to know: whether the event should have happened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import events
from ledger.events import Event
from ledger.state import DISABLED, ENABLED, REMOVED, State, ToolPlugin


def tool_installed(state: State, event: Event, p: Any) -> None:
    """A tool, in the place of what had its name before; nobody has enabled it yet."""
    tool = ToolPlugin(
        name=p["name"],
        version=p["version"],
        sha256=p["sha256"],
        digest=p["digest"],
        manifest=p["manifest"],
        cost_nanousd=p["cost_nanousd"],
        state=DISABLED,
        installed_at=event.time_ns,
        changed_at=event.time_ns,
    )
    _put(state, tool)


def _stands(now: str) -> Callable[[State, Event, Any], None]:
    def apply(state: State, event: Event, p: Any) -> None:
        _put(state, state.tools[p["name"]]._replace(state=now, changed_at=event.time_ns))

    return apply


def _put(state: State, tool: ToolPlugin) -> None:
    state.tools[tool.name] = tool
    state.touched_tools.add(tool.name)


APPLY: dict[str, Callable[[State, Event, Any], None]] = {
    events.TOOL_INSTALLED: tool_installed,
    events.TOOL_ENABLED: _stands(ENABLED),
    events.TOOL_DISABLED: _stands(DISABLED),
    events.TOOL_REMOVED: _stands(REMOVED),
}
