"""Keys that a lax server takes for others: JSON in Go reads `Tools`, and even `toolſ`, as `tools`.

Owns: the words that decide what a call costs and uses, and the refusal of their other spellings.
Refuses to know: which servers are lax.
Mirrors https://pkg.go.dev/encoding/json#Unmarshal ("preferring exact matches but also accepting
case-insensitive matches").
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody

_WORDS = frozenset(
    (
        *("model", "messages", "input", "prompt", "content", "type", "name", "images", "image_url"),
        *("url", "input_audio", "audio", "file", "stream", "stream_options", "options", "tools"),
        *("function", "functions", "custom", "num_ctx", "num_predict", "max_tokens", "n"),
        *("max_completion_tokens", "max_output_tokens", "documents", "connectors", "texts"),
        *("message", "chat_history", "conversation_id", "inputs"),
    )
)
# What stands below them has names of the client's own.
_OWN_NAMES = frozenset(
    (
        *("parameters", "parameter_definitions", "input_schema", "schema", "json_schema", "format"),
        *("arguments", "metadata", "properties", "outputs", "data"),
    )
)


def refuse_other_spellings(document: dict[str, Any]) -> None:
    """Raises Refused (400) for a key that could be read as one of the words, and is none."""
    todo: list[Any] = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key not in _WORDS and key.casefold() in _WORDS:
                    shown = key.encode("ascii", "replace").decode()[:64]
                    raise jsonbody.bad_request(f"The key {shown!r} must be in lower case.")
                if key not in _OWN_NAMES:
                    todo.append(inner)
