"""How long a JSON schema can get when its references are written out.

Owns: the bound. Refuses to know: where schemas stand in a request.

Functions and answers may be described by JSON Schema with `$ref`, which the API unrolls before the
model reads it (https://ai.google.dev/api/generate-content#v1beta.GenerationConfig): a few
definitions that name each other grow beyond all bytes that were sent. So each reference counts as
the whole of what it names, and a schema that names itself has no bound here.
"""

from __future__ import annotations

import json
import re
from typing import Any

_REFERENCES = frozenset(("$ref", "ref"))
_DEFINITIONS = frozenset(("$defs", "defs", "definitions"))
_REFERENCE = re.compile(r"#/(?:\$defs|defs|definitions)/([^/~%]+)")
MAX_BYTES = 1 << 40


class _Endless(Exception):
    """A definition leads back to itself, or to nothing that is here."""


def written_out(schema: Any) -> int | None:
    """Bytes of a schema with its references written out; None where there is no bound.

    0 where nothing refers to anything: the bytes that were sent are the bound.
    """
    references, definitions = _find(schema)
    if not references:
        return 0
    sizes: dict[str, int] = {}

    def size_of(name: str, above: frozenset[str]) -> int:
        if name not in sizes:
            if name in above or name not in definitions:
                raise _Endless
            # One that is defined twice may be either.
            inner, _ = _find(definitions[name])
            size = len(json.dumps(definitions[name]))
            size += sum(size_of(each, above | {name}) for each in inner)
            sizes[name] = min(size, MAX_BYTES)
        return sizes[name]

    try:
        return min(sum(size_of(name, frozenset()) for name in references), MAX_BYTES)
    except (_Endless, RecursionError):
        return None


def _find(schema: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """Names that a schema refers to, and what it defines, at any depth.

    A reference to anything but a definition is kept as it stands, which no definition is called.
    """
    references: list[str] = []
    definitions: dict[str, list[Any]] = {}
    todo = [schema]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(item)
        if not isinstance(item, dict):
            continue
        for key, value in item.items():
            if key in _REFERENCES and isinstance(value, str):
                match = _REFERENCE.fullmatch(value)
                references.append(match[1] if match else "/" + value)
                continue
            if key in _DEFINITIONS and isinstance(value, dict):
                for name, definition in value.items():
                    definitions.setdefault(name, []).append(definition)
            # A property may be called like that too, so definitions are looked into as well.
            todo.append(value)
    return references, definitions
