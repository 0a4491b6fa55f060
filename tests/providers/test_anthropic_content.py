"""Blocks: which are text, which are pictures, which stand for more, and which are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.anthropic_content import read_content
from providers.wire import Refused

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
NAMED = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
TEXT = {"type": "text", "text": "x"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
DEFINED = {"type": "tool_definition", "definition": {"name": "f", "input_schema": {}}}


def of(*blocks: Any, **fields: Any) -> Any:
    """The content of one message."""
    message = {"role": "user", "content": list(blocks)}
    return read_content({"messages": [message], **fields})


def document(kind: str, **fields: Any) -> dict[str, Any]:
    """A document block."""
    return {"type": "document", "source": {"type": kind}, **fields}


def result(content: Any, kind: str = "tool_result") -> dict[str, Any]:
    """The result of a tool."""
    return {"type": kind, "tool_use_id": "toolu_1", "content": content}


@pytest.mark.parametrize(
    "block",
    [
        TEXT,
        {"type": "thinking", "thinking": "x", "signature": "y"},
        {"type": "redacted_thinking", "data": "y"},
        {"type": "connector_text", "text": "x", "signature": "y"},
        {"type": "compaction", "content": "summary"},
        {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
        result("15 degrees"),
        result([TEXT]),
        result([TEXT], "search_result"),
        result([TEXT], "mcp_tool_result"),
        result([{"type": "web_search_result", "encrypted_content": "x"}], "web_search_tool_result"),
        result({"type": "code_execution_result", "stdout": "x"}, "code_execution_tool_result"),
        result({"type": "x"}, "bash_code_execution_tool_result"),
        result({"type": "x"}, "text_editor_code_execution_tool_result"),
        result({"type": "advisor_result", "text": "x"}, "advisor_tool_result"),
        {"type": "mcp_tool_listing", "mcp_server_name": "x", "tools": []},
        document("text", source={"type": "text", "media_type": "text/plain", "data": "x"}),
        document("content", source={"type": "content", "content": [TEXT]}),
        document("text", citations={"enabled": False}),
    ],
    ids=json.dumps,
)
def test_text_is_no_more_than_its_bytes(block: dict[str, Any]) -> None:
    """It is marked up, once for each part, and that is all it adds."""
    found = of(block)
    assert found.blocks >= 1
    assert (found.pictures, found.picture_bytes, found.unseen) == (0, 0, False)


@pytest.mark.parametrize(
    "block",
    [
        PICTURE,
        NAMED,
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        result([TEXT, PICTURE]),
        document("content", source={"type": "content", "content": [TEXT, PICTURE]}),
    ],
    ids=json.dumps,
)
def test_pictures_are_found_wherever_they_are(block: dict[str, Any]) -> None:
    """Sent, named or addressed, and nested in results and documents; only data is taken off."""
    found = of(block)
    assert (found.pictures, found.unseen) == (1, False)
    assert found.picture_bytes == (4 if "AA==" in json.dumps(block) else 0)


@pytest.mark.parametrize(
    "block",
    [
        document("base64", source=PDF),
        document("url"),
        document("file"),
        document("text", citations={"enabled": True}),
        result([document("base64", source=PDF)]),
        result(
            {"type": "web_fetch_result", "url": "x", "content": document("base64", source=PDF)},
            "web_fetch_tool_result",
        ),
    ],
    ids=json.dumps,
)
def test_what_stands_for_more_than_was_sent(block: dict[str, Any]) -> None:
    """Pages, files and texts that are cut into chunks are bounded by the window alone."""
    assert of(block).unseen


@pytest.mark.parametrize(
    "block",
    [
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "audio", "source": {}},
        {"type": "some_new_kind"},
        {"type": "image", "source": {"type": "s3", "uri": "s3://x"}},
        document("s3"),
        result([{"type": "some_new_kind"}]),
        {"type": "tool_addition", "tool": {"type": "mcp_toolset_reference", "name": "x"}},
    ],
    ids=json.dumps,
)
def test_what_is_not_known_is_a_403(block: dict[str, Any]) -> None:
    """A kind of content whose cost is not known never passes unmetered."""
    with pytest.raises(Refused) as caught:
        of(block)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": None},
        {"messages": []},
        {"messages": ["hi"]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [{"role": "user", "content": ["bare"]}]},
        {"messages": [{"role": "user", "content": [{"text": "untyped"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": "x"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_removal"}]}]},
        {"messages": [{"role": "user", "content": [result(7)]}]},
        {"messages": [{"role": "user", "content": "x"}], "system": 7},
    ],
    ids=json.dumps,
)
def test_malformed_content_is_a_400(fields: dict[str, Any]) -> None:
    """What the API would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read_content(fields)
    assert caught.value.denial.status == 400


def test_all_is_added_up() -> None:
    """Messages, blocks, members of calls, references and definitions, nested ones too."""
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1, "b": {"c": 2}}}
    found = read_content(
        {
            "system": [TEXT],
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [call, {**call, "type": "server_tool_use"}]},
                {"role": "user", "content": [result([TEXT, NAMED])]},
                {"role": "system", "output_config": {"effort": "low"}},
            ],
        }
    )
    assert (found.messages, found.blocks, found.members, found.pictures) == (4, 6, 4, 1)


def test_tools_that_are_named_or_defined_on_the_way() -> None:
    """Each reference writes a definition out again; a definition is a tool like any other."""
    search = {"type": "x", "tool_references": [{"type": "tool_reference", "tool_name": "g"}, 7]}
    found = of(
        result([{"type": "tool_reference", "tool_name": "f"}]),
        result(search, "tool_search_tool_result"),
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "h"}},
        {"type": "tool_addition", "tool": DEFINED},
        {"type": "compaction", "tool_changes": [{"type": "tool_addition", "tool": DEFINED}]},
    )
    assert found.references == ["f", "g", "", "h"]
    assert found.definitions == [DEFINED["definition"]] * 2


def test_the_state_of_a_browser_is_marked_up_by_its_parts() -> None:
    """The API writes a text of its own from it."""
    state = {"type": "browser_state", "tabs": [{}, {}], "state_changes": [{}]}
    assert of(result([state])).blocks == 2 + 3
