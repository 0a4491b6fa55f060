"""OpenAI Realtime over a WebSocket: `GET /v1/realtime?model=…`, then messages.

Owns: which handshakes are taken, what a message that asks may cost, the shape of a denial.
Refuses to know: frames, prices, which messages ask (openai_realtime_session.py).
Messages: https://platform.openai.com/docs/api-reference/realtime-client-events/response/create

A `response.create` asks for one response. Its input is the conversation, which the provider keeps:
text, sound and pictures that fill the model's window, which bounds them. The cap holds all of the
output, sound and reasoning too. What is said is generated ahead of what is heard, so a response
that breaks off is booked at its cap. Sound needs prices of its own.

Refused, because what it costs would never pass here: secrets for clients that speak to the provider
by themselves, and calls over WebRTC or SIP, whose sound goes around AEX. So are transcription
sessions, which are billed by another model, and the API as it was in beta.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from providers import jsonbody, openai_errors
from providers.model_limits import max_output_tokens
from providers.openai_realtime_meter import ASK_ID, ResponseMeter
from providers.openai_realtime_session import RealtimeSession, refuse_tools, uses_of
from providers.rewriting import written
from providers.uses import TEXT, union
from providers.wire import MESSAGE, Call, Denial, Facts, Grant, Refused, Reply
from providers.wire_format import Meter

PATH = "/v1/realtime"
# What the API takes as a number; more than that is only to be had by setting no cap.
CAP_MAX = 4096

_AROUND = Denial(
    403,
    "not_metered",
    "This way of Realtime goes around AEX, so that it could not be metered, and is refused.",
    "Connect to it over a WebSocket, /v1/realtime?model=…",
)
_OPTIONS = frozenset(
    (
        *("audio", "conversation", "input", "instructions", "max_output_tokens", "metadata"),
        *("output_modalities", "parallel_tool_calls", "reasoning", "tool_choice", "tools"),
    )
)
_SUBPROTOCOLS = ("", "realtime")


class OpenAIRealtime:
    """The wire format of the handshake and of the messages; stateless, one instance."""

    name = "openai_realtime_ws"

    def claims(self, call: Call) -> bool:
        """The handshake, every message on such a connection, and all paths below: to refuse."""
        if call.route != PATH:
            return call.route.startswith(f"{PATH}/")
        return call.method == MESSAGE or (call.method == "GET" and _is_upgrade(call))

    def read(self, call: Call) -> Facts:
        """Facts of the handshake, or of a message that asks. Raises Refused."""
        if call.route != PATH:
            raise Refused(_AROUND)
        if call.method != MESSAGE:
            _model(call)
            return Facts(PATH, "socket", has_output=False, uses=TEXT)
        document = jsonbody.parse_object(call.body)
        response = jsonbody.optional_object(document, "response")
        jsonbody.refuse_unknown(response, _OPTIONS)
        refuse_tools(response)
        capped = response.get("max_output_tokens") != "inf"
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=call.path_model,
            stream=True,
            output_tokens_cap=jsonbody.optional_count(response, "max_output_tokens")
            if capped
            else None,
            hidden_output=True,
            usage_wanted=True,
            uses=union(call.uses, uses_of(response)),
            modalities=frozenset({"text", "audio", "image"}),
            own_prices=frozenset({"input_audio_tokens", "output_audio_tokens"}),
            input_unseen=True,
            media_fill_window=True,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The message to send: named, so that an error can be told to be about it, and capped.

        The longest answer of the model is what it holds to by itself, where nothing is set.
        """
        document, cap = facts.document, grant.output_tokens_cap
        response = document.get("response") or {}
        longest = max_output_tokens(call.provider, facts.model or "")
        asked = facts.output_tokens_cap
        if cap is not None and cap != longest and (asked is None or asked > cap):
            response = {**response, "max_output_tokens": min(cap, CAP_MAX)}
            document = {**document, "response": response}
        if not isinstance(document.get("event_id"), str):
            document = {**document, "event_id": ASK_ID}
        if document is facts.document:
            return call.body
        return written(document)

    def session(self, handshake: Call) -> RealtimeSession:
        """The memory of one connection."""
        return RealtimeSession(_model(handshake))

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the messages of one response."""
        event_id = facts.document.get("event_id")
        return ResponseMeter(event_id if isinstance(event_id, str) else ASK_ID)

    def refuse(self, denial: Denial) -> Reply:
        """The denial of a handshake, as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Realtime's own error event."""
        error = {**openai_errors.error_object(denial), "event_id": None}
        event_id = f"event_{denial.execution_id or 'aex'}"
        message: dict[str, Any] = {"type": "error", "event_id": event_id, "error": error}
        return json.dumps(message).encode("ascii")


OPENAI_REALTIME = OpenAIRealtime()


def _is_upgrade(call: Call) -> bool:
    return call.headers.get("upgrade", "").lower() == "websocket"


def _model(call: Call) -> str:
    """The model that a handshake names, and nothing else. Raises Refused."""
    if "realtime" in call.headers.get("openai-beta", "").lower():
        raise jsonbody.not_metered("Realtime as it was in beta (`OpenAI-Beta`)")
    protocols = call.headers.get("sec-websocket-protocol", "").split(",")
    if any(name.strip() not in _SUBPROTOCOLS for name in protocols):
        raise jsonbody.not_metered("A key or an option in `Sec-WebSocket-Protocol`")
    asked = parse_qsl(call.query, keep_blank_values=True)
    if [name for name, _ in asked] != ["model"]:
        raise Refused(_AROUND)
    return jsonbody.model_name({"model": asked[0][1]})
