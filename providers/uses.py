"""What a call uses beside plain text: tools by name, and media by kind. For whoever may forbid it.

Owns: the value, and how definitions of tools are named whatever API they are written for.
Refuses to know: who may use what, prices, any one API's messages.

A format that does not say what a call uses leaves it unknown, which is no permission.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

IMAGE, AUDIO, VIDEO, DOCUMENT = "image", "audio", "video", "document"

# The client runs them, though the provider describes them.
_CLIENT_RUNS = frozenset(
    ("local_shell", "shell", "apply_patch", "computer", "computer_use", "tool_search")
)
_VERSION = re.compile(r"(?:_preview)?(?:_\d{4}_\d\d_\d\d|_\d{8})?\Z")
_NAMED_IN = ("function", "custom")


@dataclass(frozen=True, slots=True)
class Uses:
    """Nothing, if nothing is said; None is unknown.

    functions:    names of the tools that the client runs.
    server_tools: kinds of those that the provider runs, without their versions (`web_search`).
    media:        `image`, `audio`, `video`, `document`, going in or coming out. A document whose
                  pages the model sees is an image too; where an image comes from does not matter.
    """

    functions: frozenset[str] | None = frozenset()
    server_tools: frozenset[str] | None = frozenset()
    media: frozenset[str] | None = frozenset()


TEXT = Uses()
UNKNOWN = Uses(None, None, None)


def of_tools(
    tools: Collection[Any],
    media: Iterable[str] | None = (),
    *,
    functions: Collection[Any] = (),
) -> Uses:
    """The uses of a list of definitions in any of OpenAI's shapes, and of what stands beside them.

    functions: definitions that need no `type`. Where one has no name, none of the names is sure.
    """
    media = None if media is None else frozenset(media)
    if not tools and not functions:
        return TEXT if media == frozenset() else Uses(media=media)
    ours: set[str | None] = set()
    theirs: set[str | None] = set()
    for tool in tools:
        _take(tool, ours, theirs)
    for function in functions:
        ours |= _names(function) or {None}
    return Uses(known(ours), known(theirs), media)


def _take(tool: Any, ours: set[str | None], theirs: set[str | None]) -> None:
    kind = tool.get("type") if isinstance(tool, dict) else None
    inside = tool.get("tools") if kind == "namespace" else None
    if isinstance(inside, list):
        for inner in inside:
            _take(inner, ours, theirs)
    elif kind in (None, *_NAMED_IN):
        ours |= _names(tool) or {None}
    elif isinstance(kind, str):
        name = plain_kind(kind)
        (ours if name in _CLIENT_RUNS else theirs).add(name)
    else:
        ours.add(None)
        theirs.add(None)


def _names(tool: Any) -> set[str | None]:
    """All names that some reader could take for the tool's, wherever they stand."""
    places = [tool] if isinstance(tool, dict) else []
    places += [tool[key] for key in _NAMED_IN if places and isinstance(tool.get(key), dict)]
    found: set[str | None] = {place["name"] for place in places if _is_name(place.get("name"))}
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def known(names: set[str | None]) -> frozenset[str] | None:
    """The names; None where one of them is not known."""
    found = frozenset(name for name in names if name is not None)
    return found if len(found) == len(names) else None


def plain_kind(kind: str) -> str:
    """`web_search_preview_2025_03_11` and `web_search_20250305` are `web_search`."""
    return _VERSION.sub("", kind)


def union(one: Uses | None, other: Uses | None) -> Uses:
    """What both use together; what is not known of one is not known of both."""
    one, other = one or UNKNOWN, other or UNKNOWN
    return Uses(
        _both(one.functions, other.functions),
        _both(one.server_tools, other.server_tools),
        _both(one.media, other.media),
    )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other
