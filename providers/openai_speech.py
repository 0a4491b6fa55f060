"""OpenAI speech: `POST /v1/audio/speech`, by the character or by the sound that is made.

Owns: what such a request costs. Refuses to know: prices, budgets, sound.
Request: https://platform.openai.com/docs/api-reference/audio/createSpeech

Models billed by the character. The answer is sound and tells no usage, but what was asked is what
is billed: the characters of `input`. So the meter reports them once the answer has ended; one that
breaks off is booked at the reserve, which is the same.

Models billed by the token. What is read is in the request, but how much sound is made of it nothing
in it bounds, and no longest answer is published: it is the operator's to say (`max_output_tokens`),
and without that the call is refused. Events tell their usage at the end; sound does not, so that it
is booked at the reserve. Other models are refused.
"""

from __future__ import annotations

import re
from typing import Any

from providers import jsonbody, openai_errors, tokens
from providers.events import EventMeter, Told
from providers.fields import Row, extract
from providers.media_type import media_type
from providers.openai_other import PassingMeter
from providers.sse import Splitter
from providers.uses import AUDIO, Uses
from providers.wire import Call, Denial, Facts, Grant, Reading, Reply, Usage
from providers.wire_format import Meter

PATH = "/v1/audio/speech"
MAX_EVENT_BYTES = 16 * 1024 * 1024
# https://platform.openai.com/docs/pricing#transcription-and-speech-generation
MODELS = ("tts-1", "tts-1-hd")
BY_TOKEN = re.compile(r"gpt-4o-mini-tts(-\d{4}-\d\d-\d\d)?")

# https://platform.openai.com/docs/api-reference/audio/speech-audio-done-event (`usage`)
USAGE = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("output_tokens", ("output_tokens",), required=True),
)


class SpeechMeter:
    """Passes every byte; knows from the start what is billed, tells it when the answer has ended.

    characters: of the text that was asked for.
    """

    def __init__(self, characters: int) -> None:
        self._usage = Usage({"input_characters": characters})
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        self._ended = True
        return b""

    def reading(self) -> Reading:
        """What was asked, at the end; no output is billed."""
        return Reading(self._usage if self._ended else None, 0, self._ended)


class OpenAISpeech:
    """The wire format; stateless, one instance."""

    name = "openai_speech"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for other models."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        text = document.get("input")
        if not isinstance(text, str):
            raise jsonbody.bad_request("`input` must be text.")
        if BY_TOKEN.fullmatch(model):
            return _by_token(call, document, model)
        if model not in MODELS:
            raise jsonbody.not_metered(f"Speech of a model other than {' and '.join(MODELS)}")
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            has_output=False,
            uses=Uses(media=frozenset({AUDIO})),
            charges={"input_characters": len(text)},
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that knows what was asked; an answer that is no sound tells nothing."""
        kind = media_type(content_type)
        if facts.has_output and kind == "text/event-stream" and status < 400:
            return EventMeter(Splitter(MAX_EVENT_BYTES), _event)
        if facts.has_output or kind == "application/json":
            return PassingMeter()
        return SpeechMeter(facts.charges["input_characters"])

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


OPENAI_SPEECH = OpenAISpeech()


def _by_token(call: Call, document: dict[str, Any], model: str) -> Facts:
    return Facts(
        endpoint=PATH,
        kind="metered",
        model=model,
        stream=jsonbody.optional_string(document, "stream_format") == "sse",
        input_tokens_max=tokens.request_tokens_max(call.body, messages=1),
        cap_writable=False,
        hidden_output=True,
        usage_wanted=True,
        modalities=frozenset({"text", "audio"}),
        uses=Uses(media=frozenset({AUDIO})),
        document=document,
    )


def _event(event: dict[str, Any]) -> Told:
    """The bytes of sound say nothing about its tokens; the cap bounds them."""
    if event.get("type") != "speech.audio.done":
        return Told()
    counts = extract(USAGE, event.get("usage"))
    return Told(ends=True, usage=None if counts is None else Usage(counts))
