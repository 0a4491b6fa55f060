"""`/admin/plugins`: the tools that agents may have run, and who may say so from here.

Owns: the routes, and which command an act is. What is installed is files of the gateway's machine,
so that only `aex plugin install` there takes a tool in.
Refuses to know: who may ask (entry.py), how a tool is run.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from ledger.admin_commands import SetTool
from ledger.events import storable
from ledger.state import DISABLED, ENABLED, REMOVED, ToolPlugin
from web.acts import carry_out
from web.bodies import Tool, read
from web.entry import who
from web.handed import Handed
from web.problems import Problem
from web.shapes import tool_shape


def plugins(handed: Handed) -> Blueprint:
    """The routes."""
    found = Blueprint("plugins", __name__, url_prefix="/admin/plugins")

    @found.get("")
    def installed() -> Response:
        """All tools, with their manifests."""
        with handed.open_reader() as reader:
            shapes = [tool_shape(tool) for tool in standing(reader.tools())]
        return jsonify({"plugins": shapes})

    @found.get("/<tool>")
    def one(tool: str) -> Response:
        """One tool."""
        return jsonify(_shape(handed, tool))

    @found.post("/<tool>/enable")
    def enable(tool: str) -> Response:
        """Agents may have it run, as their caps allow."""
        return _set(handed, tool, ENABLED)

    @found.post("/<tool>/disable")
    def disable(tool: str) -> Response:
        """Nobody may have it run from then on; what is running comes to its end."""
        return _set(handed, tool, DISABLED)

    return found


def standing(tools: dict[str, ToolPlugin]) -> list[ToolPlugin]:
    """The tools that were not removed, by name."""
    return [tools[name] for name in sorted(tools) if tools[name].state != REMOVED]


def _set(handed: Handed, tool: str, state: str) -> Response:
    wish = read(Tool)
    _shape(handed, tool)
    carry_out(handed, SetTool(tool, state, who().actor, wish.reason, wish.digest or ""))
    return jsonify(_shape(handed, tool))


def _shape(handed: Handed, name: str) -> dict[str, Any]:
    """A tool as it stands. Raises Problem (404)."""
    with handed.open_reader() as reader:
        found = reader.tools().get(name) if storable(name) else None
    if found is None or found.state == REMOVED:
        raise Problem(
            404,
            "no_such_tool",
            f"There is no tool {name!r}.",
            "/admin/plugins and `aex plugin list` show those there are.",
        )
    return tool_shape(found)
