"""OpenAI Realtime: what one connection must remember, so that no response begins unasked.

Owns: which messages of a client pass, what is written into them, and what is said in its stead.
Refuses to know: frames, prices, the ledger. Messages that ask are read in openai_realtime.py.
Messages: https://platform.openai.com/docs/api-reference/realtime-client-events

A session begins with voice detection that makes the provider respond by itself. So nothing of the
client passes before the provider has said that this is off: it is turned off by a message of AEX's
own, whose confirmation the client does not see. Where the client wants to be answered by itself
(which is the default), AEX asks in its name each time the provider has heard somebody out, and that
call is admitted like any other. What the client sets later is written down the same way.

Refused: transcription of what is heard (another model, billed apart), a timer after which the
provider speaks (`idle_timeout_ms`), tools that the provider runs (MCP), stored prompts, and every
message, option and kind of item that is not known here. Should the provider turn any of it on, or
begin a response beside another, the connection ends.
"""

from __future__ import annotations

import json
from typing import Any

from providers import jsonbody
from providers.jsonanswer import json_object
from providers.session import Turn
from providers.uses import AUDIO, IMAGE, Uses, of_tools, union
from providers.wire import Denial, Refused

ASK = b'{"type":"response.create"}'
OPENING_ID = "event_aex_opening"
HELD_MAX, HELD_MAX_BYTES = 1000, 8 * 1024 * 1024

_FREE = (
    *("conversation.item.delete", "conversation.item.retrieve", "conversation.item.truncate"),
    *("input_audio_buffer.append", "input_audio_buffer.clear", "input_audio_buffer.commit"),
    *("output_audio_buffer.clear", "response.cancel"),
)
_PARTS = ("input_text", "text", "output_text", "input_audio", "audio", "output_audio")
_ITEMS = (None, "message", "function_call", "function_call_output")
# https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
_SESSION = frozenset(
    (
        *("type", "audio", "include", "instructions", "max_output_tokens", "model"),
        *("output_modalities", "parallel_tool_calls", "reasoning", "tool_choice", "tools"),
        *("prompt", "tracing", "truncation"),
    )
)
_AUDIO = frozenset(("input", "output"))
_INPUT = frozenset(("format", "noise_reduction", "transcription", "turn_detection"))
_DETECTIONS = ("server_vad", "semantic_vad")
_TOO_MUCH = Denial(
    429,
    "too_many_waiting",
    "Too much was said before the session has begun.",
    "Wait for `session.created`.",
)


class RealtimeSession:
    """The state of one connection. Nothing here raises on what the provider says."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._opened = self._ready = False
        self._held: list[bytes] = []
        self._answers_itself = True
        self._heard_out = False
        self._running = False
        self._cap: int | None = None
        # A session speaks, and what was set once may still hold if a later change of it fails.
        self.uses = Uses(media=frozenset({AUDIO}))

    def from_client(self, message: bytes) -> Turn:
        """What becomes of a message. Raises Refused where it may not pass."""
        if not self._ready:
            size = sum(map(len, self._held)) + len(message)
            if len(self._held) >= HELD_MAX or size > HELD_MAX_BYTES:
                raise Refused(_TOO_MUCH)
            self._held.append(message)
            return Turn()
        document = jsonbody.parse_object(message)
        kind = document.get("type")
        if kind == "response.create":
            return Turn(asks=(self._capped(message, document),))
        if kind == "session.update":
            return Turn(to_provider=(self._updated(message, document),))
        if kind == "conversation.item.create":
            item = jsonbody.optional_object(document, "item")
            if item.get("type") not in _ITEMS:
                raise jsonbody.not_metered("An item of another kind")
            self.uses = union(self.uses, uses_of({"input": [item]}))
        elif kind not in _FREE:
            raise jsonbody.not_metered("A message of a type that is not known here")
        return Turn(to_provider=(message,))

    def from_provider(self, message: bytes) -> Turn:
        """What else a message leads to, and whether the client gets it."""
        event = json_object(message) or {}
        kind = event.get("type")
        if kind in ("session.created", "session.updated"):
            return self._told(event.get("session"))
        if kind == "error":
            error = event.get("error")
            mine = isinstance(error, dict) and error.get("event_id") == OPENING_ID
            return Turn(ends="the session could not be metered") if mine else Turn(passes=True)
        if kind == "response.created":
            beside, self._running = self._running, True
            return Turn(passes=True, ends="a response beside another" if beside else "")
        if kind == "response.done":
            self._running = False
        elif kind == "input_audio_buffer.speech_stopped":
            self._heard_out = True
        elif kind == "input_audio_buffer.committed":
            answers, self._heard_out = self._heard_out and self._answers_itself, False
            return Turn(passes=True, asks=(ASK,) if answers else ())
        return Turn(passes=True)

    def _told(self, session: Any) -> Turn:
        """The provider says what the session is."""
        audio = session.get("audio") if isinstance(session, dict) else None
        heard = audio.get("input") if isinstance(audio, dict) else None
        if not isinstance(heard, dict) or session.get("type") != "realtime":
            return Turn(ends="a session of another kind")
        cap = session.get("max_output_tokens")
        self._cap = cap if type(cap) is int else None
        detection = heard.get("turn_detection")
        off = detection is None or (
            isinstance(detection, dict)
            and detection.get("create_response") is False
            and detection.get("idle_timeout_ms") is None
        )
        if heard.get("transcription") is not None or (self._ready and not off):
            return Turn(ends="the session could not be metered")
        if self._ready:
            return Turn(passes=True)
        if not off:
            if self._opened or not isinstance(detection, dict):
                return Turn(ends="the session could not be metered")
            self._opened = True
            return Turn(passes=True, to_provider=(_opening(detection),))
        self._ready = True
        held, self._held = tuple(self._held), []
        # The client saw the session as it began; this answers no message of its own.
        return Turn(passes=not self._opened, again=held)

    def _capped(self, message: bytes, document: dict[str, Any]) -> bytes:
        """The session's own cap holds, and would be overwritten by one that is granted."""
        response = jsonbody.optional_object(document, "response")
        if self._cap is None or response.get("max_output_tokens") is not None:
            return message
        return _dumped({**document, "response": {**response, "max_output_tokens": self._cap}})

    def _updated(self, message: bytes, document: dict[str, Any]) -> bytes:
        session = jsonbody.optional_object(document, "session")
        _refuse_unknown(session, _SESSION)
        if session.get("type") not in (None, "realtime"):
            raise jsonbody.not_metered("A session of another kind")
        if session.get("prompt") is not None:
            raise jsonbody.not_metered("A stored prompt (`prompt`)")
        if session.get("model") not in (None, self.model):
            raise jsonbody.not_metered("Another model within a session")
        refuse_tools(session)
        self.uses = union(self.uses, uses_of(session))
        audio = _object(session, "audio")
        _refuse_unknown(audio, _AUDIO)
        heard = _object(audio, "input")
        _refuse_unknown(heard, _INPUT)
        if heard.get("transcription") is not None:
            raise jsonbody.not_metered("Transcription of what is heard (`transcription`)")
        if "turn_detection" not in heard:
            return message
        detection = heard["turn_detection"]
        if detection is None:
            self._answers_itself = False
            return message
        detection = _quiet(jsonbody.optional_object(heard, "turn_detection"))
        self._answers_itself = heard["turn_detection"].get("create_response") is not False
        audio = {**audio, "input": {**heard, "turn_detection": detection}}
        return _dumped({**document, "session": {**session, "audio": audio}})


def refuse_tools(document: dict[str, Any]) -> None:
    """Raises Refused (403) for tools that the provider runs itself."""
    for tool in jsonbody.optional_list(document, "tools"):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise jsonbody.not_metered("A tool that the provider runs itself")


def uses_of(document: dict[str, Any]) -> Uses:
    """The tools and pictures of a session, or of a response; `input` are items."""
    media: set[str] | None = set()
    for item in jsonbody.optional_list(document, "input"):
        for kind in _kinds(item):
            if media is not None and kind not in _PARTS:
                media = media | {IMAGE} if kind == "input_image" else None
    return of_tools(jsonbody.optional_list(document, "tools"), media)


def _kinds(item: Any) -> list[object]:
    """The kinds of an item's parts; None for one without, and for whatever stands beside them."""
    if not isinstance(item, dict):
        return [None]
    content = item.get("content")
    parts = content if isinstance(content, list) else [content]
    kinds = [
        part.get("type") if isinstance(part, dict) else None
        for part in ([] if content is None or isinstance(content, str) else parts)
    ]
    beside = (value for key, value in item.items() if key != "content")
    return [*kinds, None] if any(isinstance(value, dict | list) for value in beside) else kinds


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    """An object, empty if absent. A null could set it back to what the provider begins with."""
    if key in document and document[key] is None:
        raise jsonbody.bad_request(f"`{key}` must be an object.")
    return jsonbody.optional_object(document, key)


def _refuse_unknown(document: dict[str, Any], known: frozenset[str]) -> None:
    if document.keys() - known:
        raise jsonbody.not_metered("An option of a session that is not known here")


def _quiet(detection: dict[str, Any]) -> dict[str, Any]:
    """Voice detection that begins no response."""
    if detection.get("type") not in _DETECTIONS:
        raise jsonbody.not_metered("Another kind of `turn_detection`")
    if detection.get("idle_timeout_ms") is not None:
        raise jsonbody.not_metered("Speaking after a time (`idle_timeout_ms`)")
    jsonbody.optional_bool(detection, "create_response")
    return {**detection, "create_response": False}


def _opening(detection: dict[str, Any]) -> bytes:
    quiet = {**detection, "create_response": False}
    if "idle_timeout_ms" in quiet:
        quiet["idle_timeout_ms"] = None
    session = {"type": "realtime", "audio": {"input": {"turn_detection": quiet}}}
    return _dumped({"type": "session.update", "event_id": OPENING_ID, "session": session})


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
