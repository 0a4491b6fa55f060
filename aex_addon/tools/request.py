"""What a client asks for: a tool by its name, and what the tool is given.

Owns: the body of the request, and its mistakes.

    {"tool": NAME, "input": any JSON, "execution_id": TEXT}

Refuses to know: who asks, whether there is such a tool.

`execution_id` is the client's own name for the run: asked again with it, the same agent gets the
recorded answer, as with an idempotency key. It names nothing of anybody else's; the id of the
execution is AEX's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from providers.jsonbody import bad_request, parse_object
from providers.wire import Call

PATH = "/v1/tools/execute"
PROVIDER = "tools"

_FIELDS = frozenset(("tool", "input", "execution_id"))
_OWN_ID = "x-aex-execution-id"
_NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool and its standard input: `input` as JSON in UTF-8, `null` where there is none."""

    tool: str
    given: bytes


def read(call: Call) -> tuple[Wish, Call]:
    """The wish, and the call with the client's own id where keys are looked for.

    Raises Refused (400).
    """
    document = parse_object(call.body)
    for name in document:
        if name not in _FIELDS:
            raise bad_request(f"There is no field {name[:64]!r}; there are {_listed()}.")
    tool = document.get("tool")
    if not isinstance(tool, str) or not 0 < len(tool) <= _NAME_MAX or not tool.isprintable():
        raise bad_request(f"tool must be the name of one, of 1 to {_NAME_MAX} characters.")
    given = json.dumps(document.get("input"), ensure_ascii=False, separators=(",", ":"))
    return Wish(tool, given.encode()), _named(call, document.get("execution_id"))


def _listed() -> str:
    return ", ".join(sorted(_FIELDS))


def _named(call: Call, own_id: Any) -> Call:
    if own_id is None:
        return call
    if not isinstance(own_id, str) or not own_id.isprintable():
        raise bad_request("execution_id must be text.")
    if call.headers.get(_OWN_ID, own_id) != own_id:
        raise bad_request(f"execution_id and the header {_OWN_ID} name two runs.")
    return replace(call, headers={**call.headers, _OWN_ID: own_id})
