"""A denial as an error of JSON-RPC, which is what clients of MCP show.

Owns: the object, and the status that it comes with. Refuses to know: why a call was denied.
Mirrors https://www.jsonrpc.org/specification#error_object

A client waits for an answer with the id of its request. One with another status than 200 is an
error of the connection to most clients: it is raised without our words, or nobody hears of it. So
a request is answered 200; what waits for no answer (a stream, a notification) gets the status.
"""

from __future__ import annotations

import json
from typing import Any, Protocol, runtime_checkable

from providers import refusal
from providers.mcp_messages import Id, ids
from providers.wire import Denial, Reply
from providers.wire_format import WireFormat

# Of those that JSON-RPC leaves to servers, one that neither MCP nor its SDKs use.
CODE = -32080


@runtime_checkable
class AnswersRequests(Protocol):
    """What a wire format is besides, where a client waits for an answer by the id of its request,
    which stands in the body that it sent."""

    def refuse_request(self, denial: Denial, body: bytes) -> Reply:
        """The denial as the answer to this body."""
        ...

    def error_events(self, denial: Denial, body: bytes) -> bytes:
        """The denial in the middle of the stream that answers this body."""
        ...


def reply(wire_format: WireFormat, denial: Denial, body: bytes) -> Reply:
    """The denial in the shape of this format, whichever it is, as the answer to this body."""
    if isinstance(wire_format, AnswersRequests):
        return wire_format.refuse_request(denial, body)
    return wire_format.refuse(denial)


def error_events(wire_format: WireFormat, denial: Denial, body: bytes) -> bytes:
    """The same in the middle of a stream."""
    if isinstance(wire_format, AnswersRequests):
        return wire_format.error_events(denial, body)
    return wire_format.error_event(denial)


def refuse(denial: Denial) -> Reply:
    """The answer to what has no id."""
    return _reply(denial.status, denial, _error(denial, None))


def refuse_request(denial: Denial, body: bytes) -> Reply:
    """The answer to a request with this body: an error for each of its ids."""
    waiting, batch = ids(body)
    if not waiting:
        return refuse(denial)
    errors = [_error(denial, each) for each in waiting]
    return _reply(200, denial, errors if batch else errors[0])


def document(denial: Denial, id_: Id) -> bytes:
    """The body of an answer to this one request."""
    return _dumped(_error(denial, id_))


def events(denial: Denial, body: bytes = b"") -> bytes:
    """The denial in the middle of a stream: an event for each id that this request waits for.

    Where none is waited for, as on a stream of the server's own, it is a message of its log:
    https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging
    """
    said = [_error(denial, each) for each in ids(body)[0]] or [_logged(denial)]
    return b"".join(b"event: message\ndata: " + _dumped(each) + b"\n\n" for each in said)


def _logged(denial: Denial) -> dict[str, Any]:
    params = {"level": "error", "logger": "aex", "data": denial.sentences}
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}


def _reply(status: int, denial: Denial, document: Any) -> Reply:
    return refusal.reply(denial, _dumped(document), status=status)


def _error(denial: Denial, id_: Id | None) -> dict[str, Any]:
    data: dict[str, Any] = {"code": denial.code, "status": denial.status}
    data |= {"retryable": denial.retryable, "remedy": denial.remedy}
    if denial.execution_id is not None:
        data["execution_id"] = denial.execution_id
    error = {"code": CODE, "message": denial.sentences, "data": data}
    return {"jsonrpc": "2.0", "id": id_, "error": error}


def _dumped(document: Any) -> bytes:
    return json.dumps(document).encode("ascii")
