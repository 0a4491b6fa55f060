"""OpenAI Responses over a WebSocket: `GET /v1/responses` with an upgrade, then messages.

Owns: which messages of a client are calls, and the shape of a denial among the messages.
Refuses to know: frames, connections, prices. A message is read as its HTTP twin is.
Messages: https://developers.openai.com/api/reference/resources/responses/websocket-events

A `response.create` asks for one response, with the options of the POST. With `generate: false` it
only prepares one, without output. No other message is let through: steering a response makes the
provider begin further ones that nobody asked for one by one, and lanes (`stream_id`) run several at
once.

A denial is the API's own `error` message. For want of money it always says 429 and
`insufficient_quota`: the one pair that every client measured takes as final; on a 402 Codex tries
seven times and then falls back to HTTP.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from providers import jsonbody, openai_errors
from providers.jsonanswer import json_object
from providers.openai_responses import PATH, read_create, write_grant
from providers.openai_responses_tally import Tally
from providers.uses import TEXT
from providers.wire import MESSAGE, Call, Denial, Facts, Grant, Reading, Reply
from providers.wire_format import Meter

_ASKS = "response.create"
_MORE_OPTIONS = frozenset(("type", "generate"))


class OpenAIResponsesSocket:
    """The wire format of the handshake and of the messages; stateless, one instance."""

    name = "openai_responses_ws"

    def claims(self, call: Call) -> bool:
        """The handshake to the one path, and every message on such a connection."""
        if call.route != PATH:
            return False
        upgrade = call.headers.get("upgrade", "").lower()
        return call.method == MESSAGE or (call.method == "GET" and upgrade == "websocket")

    def read(self, call: Call) -> Facts:
        """Facts of the handshake, or of a message. Raises Refused, see openai_responses.py."""
        if call.method != MESSAGE:
            return Facts(PATH, "socket", has_output=False, uses=TEXT)
        document = jsonbody.parse_object(call.body)
        if document.get("type") != _ASKS:
            raise jsonbody.not_metered(f"A message of another type than `{_ASKS}`")
        generate = document.get("generate")
        if generate is not None and not isinstance(generate, bool):
            raise jsonbody.bad_request("`generate` must be true, false or null.")
        return read_create(
            call,
            document,
            stream=True,
            more_options=_MORE_OPTIONS,
            has_output=generate is not False,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The message to send; `call.body` itself where nothing changes."""
        return write_grant(call.body, facts, grant)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the messages of one response."""
        return MessageMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial of a handshake, as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a message."""
        if denial.status == 402:
            denial = replace(denial, status=429, code="insufficient_quota")
        reply = openai_errors.refuse(denial)
        headers = {name: value for name, value in reply.headers if name != "content-type"}
        error = {**openai_errors.error_object(denial), "headers": headers}
        message: dict[str, Any] = {"type": "error", "status": denial.status, "error": error}
        return json.dumps(message).encode("ascii")


OPENAI_RESPONSES_SOCKET = OpenAIResponsesSocket()


class MessageMeter:
    """Counts one response by its messages; they pass as they are."""

    def __init__(self) -> None:
        self._tally = Tally()

    def feed(self, data: bytes) -> bytes:
        """Takes one whole message."""
        event = json_object(data)
        if event is None:
            self._tally.loose(len(data))
        else:
            self._tally.event(event, len(data))
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def reading(self) -> Reading:
        """The usage if it came, a bound on the output so far, and the status once it is told."""
        return self._tally.reading()
