"""Counts one response of OpenAI Realtime by its messages; they pass as they are.

Owns: which messages tell its begin, its end and its usage. Refuses to know: what else is said.
Messages: https://platform.openai.com/docs/api-reference/realtime-server-events

The usage stands in `response.done`, whether the response was completed, cancelled or cut off. An
error ends a response only if it names the message that asked for it, before the response began.
Where the parts of the usage are not told, all of it is billed as sound, the dearer.
"""

from __future__ import annotations

from typing import Any

from providers.fields import Row, extract
from providers.jsonanswer import json_object
from providers.wire import Reading, Usage

ASK_ID = "event_aex_ask"

_IN, _CACHED = "input_token_details", "cached_tokens_details"
# https://platform.openai.com/docs/api-reference/realtime-server-events/response/done (`usage`)
USAGE = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("input_audio_tokens", (_IN, "audio_tokens"), part_of="input_tokens"),
    Row("input_image_tokens", (_IN, "image_tokens"), part_of="input_tokens"),
    Row("cache_read_tokens", (_IN, "cached_tokens"), part_of="input_tokens"),
    Row("cache_audio_read_tokens", (_IN, _CACHED, "audio_tokens"), part_of="cache_read_tokens"),
    Row("cache_image_read_tokens", (_IN, _CACHED, "image_tokens"), part_of="cache_read_tokens"),
    Row("output_tokens", ("output_tokens",), required=True),
    Row("output_audio_tokens", ("output_token_details", "audio_tokens"), part_of="output_tokens"),
)
_UNTOLD = (("input_audio_tokens", "input_tokens"), ("output_audio_tokens", "output_tokens"))


class ResponseMeter:
    """The meter. event_id: of the message that asked."""

    def __init__(self, event_id: str) -> None:
        self._event_id = event_id
        self._status: int | None = None
        self._usage: Usage | None = None
        self._complete = False

    def feed(self, data: bytes) -> bytes:
        """Takes one whole message."""
        event = json_object(data)
        if event is not None and not self._complete:
            self._read(event)
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def reading(self) -> Reading:
        """The usage if it came, and the status once it is told.

        What was delivered bounds nothing: see `Facts.hidden_output`.
        """
        return Reading(self._usage, 0, self._complete, status=self._status)

    def _read(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "response.created":
            self._status = 200
        elif kind == "response.done":
            self._status, self._complete = 200, True
            response = event.get("response")
            self._usage = _usage(response.get("usage") if isinstance(response, dict) else None)
        elif kind == "error" and self._status is None:
            error = event.get("error")
            if isinstance(error, dict) and error.get("event_id") == self._event_id:
                self._status, self._complete = 400, True


def _usage(found: object) -> Usage | None:
    counts = extract(USAGE, found)
    if counts is None:
        return None
    for part, whole in _UNTOLD:
        counts.setdefault(part, counts[whole])
    return Usage(counts)
