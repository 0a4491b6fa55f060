"""Items of a Responses request: each known kind is bounded, each other kind refused."""

from __future__ import annotations

from typing import Any

import pytest

from providers.openai_responses_input import MAX_ITEMS, Content, read_input
from providers.wire import Refused

PNG = "data:image/png;base64," + "A" * 1000
PICTURE = {"type": "input_image", "image_url": PNG, "detail": "high"}
TEXT = {"type": "input_text", "text": "hi"}

PLAIN: list[dict[str, Any]] = [
    {"role": "user", "content": "hi"},
    {"type": "message", "role": "user", "content": [TEXT]},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
    },
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "text"},
    {"type": "function_call_output", "call_id": "c", "output": [TEXT]},
    {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]},
    {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    {"type": "compaction", "encrypted_content": "gAAA"},
    {"type": "compaction_trigger"},
    {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "shell_call_output", "output": [{"stdout": "x", "outcome": {"type": "exit"}}]},
    {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": "b"}},
    {"type": "mcp_call", "id": "m", "arguments": "{}", "name": "f", "output": "x"},
]


@pytest.mark.parametrize("item", PLAIN, ids=lambda item: str(item.get("type", "message")))
def test_text_is_all_there_is_in_most_items(item: dict[str, Any]) -> None:
    """Their bytes bound them: no picture, no file, nothing unseen."""
    assert read_input([item]) == Content(items=1)


@pytest.mark.parametrize("given", [None, "text", "", []])
def test_input_may_be_text_or_nothing(given: object) -> None:
    """Whether nothing is enough is not decided here."""
    found = read_input(given)
    assert (found.pictures, found.files, found.unseen, found.tools) == ([], False, False, [])
    assert found.modalities == {"text"}


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [TEXT, PICTURE]},
        {"type": "function_call_output", "call_id": "c", "output": [PICTURE]},
        {"type": "custom_tool_call_output", "call_id": "c", "output": [PICTURE]},
        {"type": "computer_call_output", "output": {**PICTURE, "type": "computer_screenshot"}},
    ],
)
def test_pictures_are_found_wherever_they_may_stand(item: dict[str, Any]) -> None:
    """Each counts once, by the bytes that its address or data takes of the body."""
    found = read_input([item])
    assert (found.pictures, found.modalities) == ([len(PNG)], {"text", "image"})


def test_a_stored_picture_has_no_bytes_but_is_one() -> None:
    """A picture by its file id is bounded like any other."""
    picture = {"type": "input_image", "file_id": "file_1"}
    assert read_input([{"role": "user", "content": [picture]}]).pictures == [0]


@pytest.mark.parametrize(
    "part",
    [{"file_id": "file_1"}, {"file_url": "https://x/y.pdf"}, {"file_data": "JVBERi0="}],
)
def test_files_are_not_seen(part: dict[str, Any]) -> None:
    """A page is text and picture, and packed: its bytes bound neither."""
    found = read_input([{"role": "user", "content": [{"type": "input_file", **part}]}])
    assert (found.files, found.unseen, found.modalities) == (True, True, {"text", "image"})


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "file_search_call", "id": "fs_1"},
        {"type": "code_interpreter_call", "id": "ci_1", "outputs": []},
    ],
)
def test_what_stands_for_something_stored_is_unseen(item: dict[str, Any]) -> None:
    """The text that it brings is with the provider."""
    assert read_input([item]).unseen


def test_tools_in_items_are_handed_on() -> None:
    """Definitions that come as items are judged as all others are."""
    tool = {"type": "function", "name": "f"}
    items = [{"type": kind, "tools": [tool]} for kind in ("additional_tools", "tool_search_output")]
    assert read_input(items).tools == [tool, tool]


@pytest.mark.parametrize(
    "given",
    [
        7,
        {},
        ["text"],
        [[]],
        [{}],
        [{"type": 7}],
        [{"type": ["message"]}],
        [{"content": "no role"}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": ["bare"]}],
        [{"role": "user", "content": [{"text": "untyped"}]}],
        [{"role": "user", "content": [{"type": "input_image", "image_url": 7}]}],
        [{"type": "additional_tools", "tools": 7}],
        [{"id": "x"}] * (MAX_ITEMS + 1),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_malformed_items_are_a_400(given: object) -> None:
    """What no provider would take."""
    with pytest.raises(Refused) as caught:
        read_input(given)
    assert caught.value.denial.status == 400


@pytest.mark.parametrize(
    "item",
    [
        {"type": "some_new_item"},
        {"type": "image_generation_call", "id": "ig_1", "result": None},
        {"type": "program", "id": "p", "code": "x"},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]},
        {"role": "user", "content": [{"type": "some_new_part"}]},
        {"type": "shell_call_output", "output": [{"stdout": PICTURE}]},
        {"type": "function_call", "arguments": {"nested": [PICTURE]}},
        {
            "role": "user",
            "content": [{**TEXT, "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}],
        },
    ],
    ids=lambda item: repr(item)[:50],
)
def test_unknown_kinds_are_a_403(item: dict[str, Any]) -> None:
    """What could cost beyond its bytes, known or not, is refused rather than guessed."""
    with pytest.raises(Refused) as caught:
        read_input([item])
    assert caught.value.denial.code == "not_metered"
