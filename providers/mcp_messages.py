"""Messages of the Model Context Protocol: JSON-RPC 2.0, one in a request or a batch of them.

Owns: which messages there are, and the strict reading of what a client posts: a message that two
servers could take for different ones is refused, so that no spelling of a tool's call is none.
Refuses to know: who may call which tool, what a call costs, how answers look (mcp_meter.py).
Mirrors https://modelcontextprotocol.io/specification/2025-11-25/schema and .../2026-07-28/schema;
batches are of https://modelcontextprotocol.io/specification/2025-03-26/basic#batching
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers import jsonbody

CALL, LIST, LISTEN = "tools/call", "tools/list", "subscriptions/listen"

# What a client may ask of a server. None of these but a tool's call does a thing that is paid for.
REQUESTS = frozenset(
    (
        *(CALL, LIST, "initialize", "ping", "server/discover", LISTEN),
        *("resources/list", "resources/templates/list", "resources/read"),
        *("resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get"),
        *("logging/setLevel", "completion/complete"),
        *("tasks/get", "tasks/list", "tasks/result", "tasks/cancel"),
    )
)
BATCH_MAX = 100
NAME_MAX = 128
_ID_CHARS = 256
_ID_MAX = 2**53 - 1

_NOTIFICATION = re.compile(r"notifications/[A-Za-z0-9_/.-]{1,100}")
_TOP = frozenset(("jsonrpc", "id", "method", "params", "result", "error"))
_PARAMS = frozenset(("name", "arguments"))

Id = str | int


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client.

    method: "" of an answer to something that the server asked.
    id:     None of a notification.
    tool:   the tool that a call names.
    """

    method: str
    id: Id | None = None
    tool: str = ""


def read(body: bytes, headers: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages of a POST. Raises Refused: 400 for what is no message, 403 for one of a method
    that is not known."""
    document = jsonbody.parse(body)
    if not isinstance(document, list):
        found = _message(document)
        _agree(found, headers)
        return (found,)
    if not 0 < len(document) <= BATCH_MAX:
        raise jsonbody.bad_request(f"A batch holds 1 to {BATCH_MAX} messages.")
    batch = tuple(_message(each) for each in document)
    ids = [message.id for message in batch if message.method and message.id is not None]
    if len(set(ids)) < len(ids):
        raise jsonbody.bad_request("Two messages of a batch have the same id.")
    return batch


def _message(document: Any) -> Message:
    if not isinstance(document, dict):
        raise jsonbody.bad_request("A message must be a JSON object.")
    _refuse_other_spellings(document, _TOP)
    if document.get("jsonrpc") != "2.0":
        raise jsonbody.bad_request('`jsonrpc` must be "2.0".')
    ends = [key for key in ("result", "error") if key in document]
    if "method" not in document:
        if len(ends) != 1:
            raise jsonbody.bad_request("A message has a `method`, a `result` or an `error`.")
        return Message("", _id(document))
    if ends:
        raise jsonbody.bad_request("A message with a `method` has no `result` and no `error`.")
    method = document["method"]
    if not isinstance(method, str):
        raise jsonbody.bad_request("`method` must be a string.")
    if method in REQUESTS:
        return Message(method, _id(document), _tool(document) if method == CALL else "")
    if not _NOTIFICATION.fullmatch(method):
        raise jsonbody.not_metered("A method that is not known")
    if "id" in document:
        raise jsonbody.bad_request("A notification has no `id`.")
    return Message(method)


def _id(document: dict[str, Any]) -> Id:
    """A notification of a call would be carried out, and nobody would hear what came of it."""
    found = document.get("id")
    if type(found) is int and abs(found) <= _ID_MAX:
        return found
    if isinstance(found, str) and len(found) <= _ID_CHARS:
        return found
    raise jsonbody.bad_request(
        f"`id` must be a whole number up to 2^53 - 1, or a string of at most {_ID_CHARS}."
    )


def _tool(document: dict[str, Any]) -> str:
    params = document.get("params")
    if not isinstance(params, dict):
        raise jsonbody.bad_request("`params` of a tool's call must be an object.")
    _refuse_other_spellings(params, _PARAMS)
    name = params.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise jsonbody.bad_request(
            f"`params.name` must be a string of 1 to {NAME_MAX} printable characters."
        )
    return name


def _refuse_other_spellings(document: dict[str, Any], words: frozenset[str]) -> None:
    """A lax server takes `Method` for `method`, and so would not see what was read here."""
    for key in document:
        if key not in words and key.casefold() in words:
            raise jsonbody.bad_request("A key of a message must be in lower case.")


# https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#standard-headers
def _agree(message: Message, headers: Mapping[str, str]) -> None:
    """Where headers tell the method and the tool too, they tell the same."""
    method, name = headers.get("mcp-method"), headers.get("mcp-name")
    if method is not None and method != message.method:
        raise jsonbody.bad_request("The header Mcp-Method names another method than the body.")
    if message.tool and name is not None and _plain(name) != message.tool:
        raise jsonbody.bad_request("The header Mcp-Name names another tool than the body.")


def _plain(value: str) -> str | None:
    """What does not fit a header stands there as `=?base64?…?=`."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def ids(body: bytes) -> tuple[list[Id], bool]:
    """The ids of requests in any body, for those that wait for an answer; and whether it is a
    batch. Never raises: what cannot be read waits for nothing."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return [], False
    each: Sequence[Any] = document if isinstance(document, list) else [document]
    found = [one.get("id") for one in each if isinstance(one, dict) and "method" in one]
    kept = [one for one in found if type(one) is int or isinstance(one, str)]
    return kept[:BATCH_MAX], isinstance(document, list)
