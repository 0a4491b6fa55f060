"""The `tools` of OpenAI Responses: whose machine runs them, and what a use of them costs.

Owns: the known kinds of tools. Refuses to know: items, options, prices.
Tools: https://developers.openai.com/api/docs/guides/tools
Their fees: https://developers.openai.com/api/docs/pricing

Three kinds pass. Those that the client describes and runs cost their own text. Those that the
client runs but the provider describes add text that was not sent. Those that the provider runs
cost a fee a use, and run the model anew; how often is bounded by `max_tool_calls`, which counts
the uses of all of them together.

All others are refused: pictures are billed by another model's prices, hosted MCP servers and
programs call what nobody here sees, a hosted shell and a hosted tool search have no counted uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody

_CLIENT_DESCRIBES = frozenset(("function", "custom"))
_PROVIDER_DESCRIBES = frozenset(("local_shell", "apply_patch", "computer", "computer_use_preview"))
_WEB_SEARCH = frozenset(("web_search", "web_search_2025_08_26"))
# With models that do not reason it costs two and a half times the fee that the catalogue has.
_WEB_SEARCH_PREVIEW = frozenset(("web_search_preview", "web_search_preview_2025_03_11"))
_REASONS = re.compile(r"o\d|gpt-[5-9](?!.*-chat)")


@dataclass(slots=True)
class Toolbox:
    """What the tools of a call come to.

    count:  definitions, those inside namespaces included.
    unseen: the provider adds descriptions of its own.
    units:  what a use of a tool that the provider runs may be billed as.
    """

    count: int = 0
    unseen: bool = False
    units: set[str] = field(default_factory=set)


def read_tools(tools: list[Any], model: str) -> Toolbox:
    """What is in a list of definitions. Raises Refused: 400, or 403 for unmetered ones."""
    found = Toolbox()
    for tool in tools:
        _read_tool(tool, model, found)
    return found


def _read_tool(tool: Any, model: str, found: Toolbox) -> None:
    kind = _kind(tool)
    found.count += 1
    if kind in _CLIENT_DESCRIBES:
        return
    if kind == "namespace":
        inside = jsonbody.optional_list(tool, "tools")
        found.count += len(inside)
        if any(_kind(inner) not in _CLIENT_DESCRIBES for inner in inside):
            raise jsonbody.not_metered("A tool in a namespace that is no function")
    elif kind == "tool_search" and tool.get("execution") == "client":
        return
    elif kind in _PROVIDER_DESCRIBES or _is_local_shell(kind, tool):
        found.unseen = True
    elif kind in _WEB_SEARCH or (kind in _WEB_SEARCH_PREVIEW and _REASONS.match(model)):
        found.units.add("web_searches")
    elif kind == "file_search":
        found.units.add("storage_searches")
    elif kind == "code_interpreter" and _is_small(tool.get("container")):
        found.units.add("code_executions")
    else:
        raise jsonbody.not_metered("A tool of this kind, or with these settings,")


def _kind(tool: Any) -> str:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise jsonbody.bad_request("Each of `tools` must be an object with a `type`.")
    kind: str = tool["type"]
    return kind


def _is_local_shell(kind: str, tool: dict[str, Any]) -> bool:
    environment = tool.get("environment")
    return kind == "shell" and isinstance(environment, dict) and environment.get("type") == "local"


def _is_small(container: Any) -> bool:
    """A container that exists is paid for by whoever made it; a new one is billed by its size."""
    if isinstance(container, str):
        return True
    return (
        isinstance(container, dict)
        and container.get("type") == "auto"
        and container.get("memory_limit") in (None, "1g")
    )
