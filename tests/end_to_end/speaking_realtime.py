"""The fake provider speaks Realtime: a session, voice detection, and responses with their usage.

Owns: the session's state, and a line in the book (method MESSAGE) for each response, whoever began
it. Refuses to know: AEX.
`{"socket": {"deaf": true}}` is a provider that does not heed what it is told of the session; other
scripts are as in speaking_sockets.py.
https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from __future__ import annotations

import json
import re
from typing import Any

from aex_addon.demo_provider import DemoProvider
from tests.end_to_end.speaking_sockets import Line, shake

# Sound in which somebody speaks, and falls silent again.
SPEECH = "c3BlZWNo"
SAID = "You said something."


def speak(provider: DemoProvider) -> list[Any]:
    """The one path."""

    async def handshake(exchange: Any) -> None:
        await shake(provider, exchange, RealtimeLine)

    return [("GET", re.compile(r"/v1/realtime"), handshake)]


class RealtimeLine(Line):
    """One session."""

    def __init__(self, exchange: Any) -> None:
        super().__init__(exchange)
        self.detection: Any = {"type": "server_vad", "threshold": 0.5, "create_response": True}
        self.cap: Any = "inf"
        self.turns = 0

    @property
    def session(self) -> dict[str, Any]:
        heard = {"turn_detection": self.detection, "transcription": None}
        kind = {"type": "realtime", "object": "realtime.session", "model": "gpt-realtime"}
        return {**kind, "audio": {"input": heard}, "max_output_tokens": self.cap}

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.say({"type": kind, "event_id": "event_1", **fields})

    async def serve(self, provider: Any) -> None:
        await self.tell("session.created", session=self.session)
        await super().serve(provider)

    async def answer(self, provider: Any, text: str) -> None:
        document = json.loads(text)
        kind = document["type"]
        if kind == "session.update":
            await self.update(document["session"], provider.script.get("socket", {}))
        elif kind == "input_audio_buffer.append":
            if document["audio"] == SPEECH and self.detection is not None:
                await self.hear(provider, text)
        elif kind == "conversation.item.create":
            self.turns += 1
            await self.tell("conversation.item.added", item=document["item"])
        elif kind == "response.create":
            await self.respond(provider, text, document)

    async def update(self, session: dict[str, Any], plan: dict[str, Any]) -> None:
        heard = session.get("audio", {}).get("input", {})
        if not plan.get("deaf"):
            self.detection = heard.get("turn_detection", self.detection)
        self.cap = session.get("max_output_tokens", self.cap)
        await self.tell("session.updated", session=self.session)

    async def hear(self, provider: Any, text: str) -> None:
        self.turns += 1
        for kind in ("speech_started", "speech_stopped", "committed"):
            await self.tell(f"input_audio_buffer.{kind}")
        if self.detection["create_response"]:
            await self.respond(provider, text, {})

    async def respond(self, provider: Any, text: str, document: dict[str, Any]) -> None:
        call = self.enter(provider, text)
        call.model, call.stream = "gpt-realtime", True
        call.input_tokens = 10 * self.turns
        plan = call.script.get("socket", {})
        if "error" in plan:
            error = {"type": "invalid_request_error", "message": "No.", "code": "x", "param": None}
            call.status = plan["error"]
            await self.tell("error", error={**error, "event_id": document.get("event_id")})
            return
        response = {"id": f"resp_{call.id}", "object": "realtime.response", "output": []}
        await self.tell("response.created", response={**response, "status": "in_progress"})
        for piece in re.findall(r"\s*\S+", SAID):
            await provider.pace(call, call.events)
            if call.cut_at(call.events):
                call.break_off()
            call.output_tokens += 5
            call.events += 1
            place = {"response_id": response["id"], "item_id": "i", "output_index": 0}
            await self.tell("response.output_text.delta", delta=piece, content_index=0, **place)
        done = {**response, "status": "completed", "usage": used(call)}
        if call.script.get("usage") == "null":
            done["usage"] = None
        await self.tell("response.done", response=done)
        call.complete = True
        if plan.get("unasked"):
            await self.tell("response.created", response=response)


def used(call: Any) -> dict[str, Any]:
    """Four tokens of text in and five out; the rest is sound."""
    heard = max(0, call.input_tokens - 4)
    return {
        "total_tokens": call.input_tokens + call.output_tokens,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "input_token_details": {
            "text_tokens": call.input_tokens - heard,
            "audio_tokens": heard,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 5, "audio_tokens": call.output_tokens - 5},
    }
