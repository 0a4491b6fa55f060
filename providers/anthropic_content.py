"""Content of a Messages request: what its blocks add to the text that is counted by its bytes.

Owns: which kinds of blocks there are and what bounds each. Refuses to know: tools, prices, tokens
of text. https://platform.claude.com/docs/en/api/messages/create

Pictures count as pictures, wherever they are nested. A PDF, a page or file that is only named, and
a text that the API cuts into citable chunks hold more than was sent: the window bounds them.
Everything else is text, or is no more to the model than the text it holds. Fails closed: a kind of
block that is not known here is refused as `not_metered`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody
from providers.uses import DOCUMENT, IMAGE

MAX_MESSAGES = 100_000

# Bounded by the bytes of their strings, nested ones included.
_TEXTUAL = frozenset(
    (
        *("text", "thinking", "redacted_thinking", "connector_text", "fallback"),
        *("web_search_tool_result", "advisor_tool_result", "mcp_tool_listing"),
        *("code_execution_tool_result", "bash_code_execution_tool_result"),
        "text_editor_code_execution_tool_result",
    )
)
_CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
_NESTING = frozenset(("tool_result", "search_result", "mcp_tool_result"))
_CHANGES = frozenset(("tool_addition", "tool_removal"))


@dataclass(slots=True)
class Content:
    """What the blocks of one request add up to.

    messages, blocks: how many, nested blocks and parts of a block that are marked up included.
    members:          of the inputs of earlier tool calls.
    pictures, picture_bytes: how many, and how much of the body is their data.
    unseen:           some block stands for more than was sent.
    documents:        some block is a file or a page.
    references:       names of tools whose definitions the API writes out again.
    definitions:      tools that are defined within messages.
    """

    messages: int = 0
    blocks: int = 0
    members: int = 0
    pictures: int = 0
    picture_bytes: int = 0
    unseen: bool = False
    documents: bool = False
    references: list[str] = field(default_factory=list)
    definitions: list[Any] = field(default_factory=list)

    @property
    def media(self) -> frozenset[str]:
        """The kinds of media in them; the pages of a document are seen as pictures too."""
        pictures = {IMAGE} if self.pictures or self.documents else set()
        return frozenset(pictures | {DOCUMENT} if self.documents else pictures)


def read_content(document: dict[str, Any]) -> Content:
    """Adds up `system` and `messages`. Raises Refused: 400 malformed, 403 not bounded."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
        raise jsonbody.bad_request("`messages` must be a non-empty list.")
    content = Content(messages=len(messages))
    _add(content, document.get("system"), "`system`")
    for message in messages:
        if not isinstance(message, dict):
            raise jsonbody.bad_request("Each of `messages` must be an object.")
        _add(content, message.get("content"), "The `content` of a message")
    return content


def _add(content: Content, given: Any, what: str) -> None:
    if given is None or isinstance(given, str):
        return
    if not isinstance(given, list):
        raise jsonbody.bad_request(f"{what} must be text or a list of blocks.")
    for block in given:
        _add_block(content, block)


def _add_block(content: Content, block: Any) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise jsonbody.bad_request("Each block of content must be an object with a `type`.")
    kind = block["type"]
    content.blocks += 1
    if kind in _TEXTUAL:
        content.blocks += _length(block.get("content"))
    elif kind in _CALLS:
        content.members += _length(block.get("input"))
    elif kind in _NESTING:
        _add(content, block.get("content"), f"The `content` of a `{kind}`")
    elif kind == "image":
        _add_picture(content, block.get("source"))
    elif kind == "document":
        _add_document(content, block)
    elif kind == "web_fetch_tool_result":
        _add_fetched(content, block.get("content"))
    elif kind in ("tool_reference", "tool_search_tool_result"):
        _add_references(content, block)
    elif kind == "browser_state":
        content.blocks += _length(block.get("tabs")) + _length(block.get("state_changes"))
    elif kind == "compaction":
        _add(content, block.get("tool_changes"), "The `tool_changes` of a `compaction`")
    elif kind in _CHANGES:
        _add_change(content, block.get("tool"))
    else:
        raise jsonbody.not_metered("Content other than text, pictures, documents and tool results")


def _add_picture(content: Content, source: Any) -> None:
    kind = _source_kind(source)
    if kind not in ("base64", "url", "file"):
        raise jsonbody.not_metered("A picture from elsewhere")
    content.pictures += 1
    data = source.get("data")
    if kind == "base64" and isinstance(data, str):
        content.picture_bytes += len(data.encode("utf-8"))


def _add_document(content: Content, block: dict[str, Any]) -> None:
    source: Any = block.get("source")
    kind = _source_kind(source)
    if kind not in ("base64", "url", "file", "text", "content"):
        raise jsonbody.not_metered("A document from elsewhere")
    if kind == "content":
        _add(content, source.get("content"), "The `content` of a document")
        return
    content.documents = content.documents or kind != "text"
    citations = block.get("citations")
    cited = isinstance(citations, dict) and citations.get("enabled")
    content.unseen = content.unseen or kind != "text" or bool(cited)


def _add_fetched(content: Content, result: Any) -> None:
    if isinstance(result, dict) and result.get("type") == "web_fetch_result":
        _add_block(content, result.get("content"))


def _add_references(content: Content, block: dict[str, Any]) -> None:
    inner: Any = block.get("content")
    listed = inner.get("tool_references") if isinstance(inner, dict) else [block]
    for reference in listed if isinstance(listed, list) else ():
        names: dict[str, Any] = reference if isinstance(reference, dict) else {}
        name = names.get("tool_name", names.get("name"))
        content.references.append(name if isinstance(name, str) else "")


def _add_change(content: Content, tool: Any) -> None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise jsonbody.bad_request("A change of tools must name a `tool` with a `type`.")
    if tool["type"] == "tool_definition":
        content.definitions.append(tool.get("definition"))
    elif tool["type"] == "tool_reference":
        _add_references(content, tool)
    else:
        raise jsonbody.not_metered("A tool of another server")


def _source_kind(source: Any) -> str:
    kind = source.get("type") if isinstance(source, dict) else None
    if not isinstance(kind, str):
        raise jsonbody.bad_request("A picture or document must have a `source` with a `type`.")
    return kind


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0
