"""Tools of an API that knows functions only: those that the client runs itself.

Owns: counting them, and refusing any other. Refuses to know: how tokens are bounded, any one API.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody


def count_functions(document: dict[str, Any]) -> int:
    """How many `tools` a body has. Raises Refused for what is none, or is the provider's own."""
    tools = jsonbody.optional_list(document, "tools")
    for tool in tools:
        if not isinstance(tool, dict):
            raise jsonbody.bad_request("Each of `tools` must be an object.")
        if tool.get("type") not in ("function", None):
            raise jsonbody.not_metered("A tool that the provider runs itself")
    return len(tools)
