"""Tools of a Messages request: what their definitions cost, and what the provider may run itself.

Owns: which kinds of tools there are and what bounds each. Refuses to know: prices, messages.
https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference

Custom tools and Anthropic's client tools run with the client: they cost their definitions. Server
tools run with the provider, which runs the model anew over all its context after their use; what a
search, a page or a program returns is bounded by the model's window alone. Only searches and code
execution have a fee. `max_uses` holds the searches; nothing in a request holds executions, so the
operator's limit is taken for them, and they are booked as the provider counts them.

Refused: tools that call other models (advisor) or other servers (MCP), and kinds not known here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody
from providers.anthropic_tokens import TOOL_TOKENS
from providers.uses import plain_kind

# How often the model is run in one call with server tools, also where their use is refused:
# https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause_turn
RUNS_MAX = 10

# Definitions that the API itself supplies, in tokens, rounded up; each tool's page names its own:
# https://platform.claude.com/docs/en/about-claude/pricing#specific-tool-pricing (325 for bash, 700
# for the text editor, 735 for the computer, 4590 and 7550 for the toolsets). No page tells what
# memory costs; it is one tool of six commands, and taken for as much as a toolset of seventeen.
_CLIENT_TOOLS = {
    "bash_20241022": 512,
    "bash_20250124": 512,
    "text_editor_20241022": 1_024,
    "text_editor_20250124": 1_024,
    "text_editor_20250429": 1_024,
    "text_editor_20250728": 1_024,
    "computer_20241022": 1_024,
    "computer_20250124": 1_024,
    "computer_20251124": 1_024,
    "computer_toolset_20260801": 6_144,
    "browser_toolset_20260801": 9_216,
    "memory_20250818": 4_096,
}
_TOOLSET = re.compile(r"(computer|browser)_toolset_\d{8}$")
_SERVER_TOOL = re.compile(
    r"(web_search|web_fetch|code_execution)_(\d{8})$|tool_search_tool_(?:regex|bm25)(?:_\d{8})?$"
)
# From this version on the web tools bring code execution along, free of charge.
_WITH_FREE_CODE = "20260209"


@dataclass(slots=True)
class Tools:
    """What the tools of one request add up to.

    count:        definitions.
    tokens:       of the definitions that the API itself supplies.
    runs_itself:  the provider runs some of them.
    searches_max: uses with a fee that it may make; None where the request sets no limit.
    units:        what its uses of tools may be billed as.
    ours, theirs: names of those that the client runs, None where one has none; kinds of the others.
    """

    count: int = 0
    tokens: int = 0
    runs_itself: bool = False
    searches_max: int | None = 0
    units: frozenset[str] = frozenset()
    ours: set[str | None] = field(default_factory=set)
    theirs: set[str | None] = field(default_factory=set)
    _named: dict[str, dict[str, Any]] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)

    def add(self, tool: Any, *, inline: bool = False) -> None:
        """Takes a definition in; `inline` is one that stands in a message. Raises Refused."""
        kind = _kind(tool)
        self.count += 1
        found = _SERVER_TOOL.match(kind)
        if found and inline:
            raise jsonbody.not_metered("A tool that the provider runs, defined within a message")
        if found:
            self.runs_itself = True
            if found[1]:
                self._versions[found[1]] = max(self._versions.get(found[1], ""), found[2])
            if found[1] == "web_search":
                self._add_searches(tool)
        self.tokens += _CLIENT_TOOLS.get(kind, 0)
        toolset = _TOOLSET.match(kind)
        name = toolset[1] if toolset else tool.get("name")
        if found:
            self.theirs.add(plain_kind(kind))
        else:
            self.ours.add(_called(kind, name))
        if isinstance(name, str):
            self._named[name] = tool

    def close(self) -> None:
        """After the last definition: whether code that the provider runs is billed."""
        web = max(self._versions.get("web_search", ""), self._versions.get("web_fetch", ""))
        if "code_execution" not in self._versions or web >= _WITH_FREE_CODE:
            return
        if self.units:
            raise jsonbody.not_metered("Code execution beside a web search without it")
        self.units = frozenset({"code_executions"})
        self.searches_max = None

    def expanded_tokens_max(self, names: list[str]) -> int:
        """Most tokens of as many definitions written out again in the middle of a conversation."""
        if not names:
            return 0
        sizes = {name: _tokens_max(tool) for name, tool in self._named.items()}
        largest = max(sizes.values(), default=0)
        return sum(sizes.get(name, largest) for name in names)

    def _add_searches(self, tool: dict[str, Any]) -> None:
        uses = jsonbody.optional_count(tool, "max_uses")
        self.units |= {"web_searches"}
        if uses is None or self.searches_max is None:
            self.searches_max = None
        else:
            self.searches_max += uses


def _called(kind: str, name: Any) -> str | None:
    """What Anthropic describes goes by its kind, whatever it is named."""
    if kind in _CLIENT_TOOLS:
        return plain_kind(kind).removesuffix("_toolset")
    return name if isinstance(name, str) and name else None


def read_tools(definitions: list[Any], inline: list[Any]) -> Tools:
    """The tools; `inline` are those that stand in messages. Raises Refused (400, 403)."""
    tools = Tools()
    for tool in definitions:
        tools.add(tool)
    for tool in inline:
        tools.add(tool, inline=True)
    tools.close()
    return tools


def with_limit(definitions: list[Any], searches: int) -> list[Any]:
    """The same tools, with `searches` as the limit of searches where one has none."""
    return [
        {**tool, "max_uses": searches}
        if tool.get("max_uses") is None and str(tool.get("type")).startswith("web_search_")
        else tool
        for tool in definitions
    ]


def _tokens_max(tool: dict[str, Any]) -> int:
    written = len(json.dumps(tool).encode("ascii"))
    return written + TOOL_TOKENS + _CLIENT_TOOLS.get(str(tool.get("type")), 0)


def _kind(tool: Any) -> str:
    if not isinstance(tool, dict):
        raise jsonbody.bad_request("Each of `tools` must be an object.")
    kind = tool.get("type")
    if kind is None or kind == "custom":
        return "custom"
    if not isinstance(kind, str):
        raise jsonbody.bad_request("The `type` of a tool must be a string.")
    if kind not in _CLIENT_TOOLS and not _SERVER_TOOL.match(kind):
        raise jsonbody.not_metered("A tool that calls other models or servers, or is not known,")
    return kind
