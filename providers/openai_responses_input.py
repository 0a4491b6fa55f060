"""The `input` of OpenAI Responses: what its items hold that bytes do not tell.

Owns: which kinds of items and parts are known, and what each adds to the bound of the input.
Refuses to know: options, tools (openai_responses_tools.py), prices.
Items: https://developers.openai.com/api/reference/resources/responses/methods/create

Text is bounded by its bytes, a picture by the model's published maximum (tokens.py). A reference,
a file, and a call of a tool that the provider ran itself stand for text that was not sent: the
model's window bounds those. Encrypted reasoning is text: the provider's own client counts a
ciphertext as three quarters of its length, less an envelope, so its length bounds it
(https://github.com/openai/codex, codex-rs/core, `estimate_reasoning_length`).

Fails closed: an item or part of a kind that is not known here is refused as `not_metered`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers import jsonbody, tokens

MAX_ITEMS = 100_000

# Their strings are all that reaches the model.
_TEXT_ITEMS = frozenset(
    (
        *("function_call", "custom_tool_call", "tool_search_call", "computer_call"),
        *("local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output"),
        *("apply_patch_call", "apply_patch_call_output", "configuration_update"),
        *("reasoning", "compaction", "compaction_summary", "compaction_trigger"),
        *("mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call"),
    )
)
# Where the parts are that may hold pictures and files.
_PARTS_IN = {
    "message": "content",
    "function_call_output": "output",
    "custom_tool_call_output": "output",
    "computer_call_output": "output",
}
_TOOLS_IN = frozenset(("additional_tools", "tool_search_output"))
# What they stand for is with the provider.
_UNSEEN_ITEMS = frozenset(
    ("item_reference", "web_search_call", "file_search_call", "code_interpreter_call")
)
_TEXT_PARTS = frozenset(
    ("input_text", "output_text", "text", "refusal", "summary_text", "encrypted_content")
)
_PICTURES = frozenset(("input_image", "computer_screenshot"))
_MEDIA = _PICTURES | {"input_file", "input_audio", "image_url", "image_file"}


@dataclass(slots=True)
class Content:
    """What was found in the items.

    items:    how many there are.
    pictures: bytes of each picture's address or data.
    files:    there are files, whose text and pages are not seen.
    unseen:   more input is with the provider.
    named:    some of that may be anything; it is only named.
    tools:    definitions of tools that came as items.
    """

    items: int = 0
    pictures: list[int] = field(default_factory=list)
    files: bool = False
    unseen: bool = False
    named: bool = False
    tools: list[Any] = field(default_factory=list)

    @property
    def modalities(self) -> frozenset[str]:
        """A page of a file reaches the model as text and as a picture."""
        return frozenset({"text", "image"} if self.pictures or self.files else {"text"})


def read_input(given: Any) -> Content:
    """What is in an `input`; None is an empty one. Raises Refused: 400, or 403 for unmetered."""
    found = Content()
    if given is None or isinstance(given, str):
        found.items = 1
        return found
    if not isinstance(given, list) or len(given) > MAX_ITEMS:
        raise jsonbody.bad_request("`input` must be text or a list of items.")
    found.items = len(given)
    for item in given:
        _read_item(item, found)
    return found


def _read_item(item: Any, found: Content) -> None:
    if not isinstance(item, dict):
        raise jsonbody.bad_request("Each item of `input` must be an object.")
    kind = _kind(item)
    if kind in _PARTS_IN:
        _read_parts(item.get(_PARTS_IN[kind]), found)
    elif kind in _TOOLS_IN:
        found.tools.extend(jsonbody.optional_list(item, "tools"))
    elif kind in _UNSEEN_ITEMS:
        found.unseen = True
        found.named = found.named or kind == "item_reference"
    elif kind not in _TEXT_ITEMS or _holds_media(item):
        raise jsonbody.not_metered("An item of `input` of a kind that is not known here")


def _kind(item: dict[str, Any]) -> str:
    kind = item.get("type")
    if kind is None:
        # The API itself lets two kinds go without a name.
        kind = "message" if "role" in item else "item_reference" if "id" in item else None
    if not isinstance(kind, str):
        raise jsonbody.bad_request("Each item of `input` must have a `type`.")
    return kind


def _read_parts(parts: Any, found: Content) -> None:
    if parts is None or isinstance(parts, str):
        return
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise jsonbody.bad_request("Each part of an item must be an object with a `type`.")
        _read_part(part, found)
        _refuse_long_cache(part)


def _read_part(part: dict[str, Any], found: Content) -> None:
    kind = part["type"]
    if kind in _PICTURES:
        # A picture is an address, data, or a stored file; its bound is the same for all three.
        url = jsonbody.optional_string(part, "image_url") or ""
        found.pictures.append(tokens.text_tokens_max(url))
    elif kind == "input_file":
        found.files = found.unseen = True
    elif kind not in _TEXT_PARTS:
        raise jsonbody.not_metered("Content other than text, pictures and files")


def _refuse_long_cache(part: dict[str, Any]) -> None:
    breakpoint_ = part.get("prompt_cache_breakpoint")
    if isinstance(breakpoint_, dict) and breakpoint_.get("ttl") not in (None, "30m"):
        raise jsonbody.not_metered("A prompt cache that lives longer than 30 minutes")


def _holds_media(item: dict[str, Any]) -> bool:
    todo: list[Any] = [item]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if isinstance(value.get("type"), str) and value["type"] in _MEDIA:
                return True
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return False
