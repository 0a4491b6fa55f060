"""OpenAI speech: `POST /v1/audio/speech`, for the models that are billed by the character.

Owns: what such a request costs. Refuses to know: prices, budgets, sound.
Request: https://platform.openai.com/docs/api-reference/audio/createSpeech

The answer is sound and tells no usage, but what was asked is what is billed: the characters of
`input`. So the meter reports them once the answer has ended; one that breaks off is booked at the
reserve, which is the same. Other models are billed by the sound that they make, which no request
bounds; they are refused.
"""

from __future__ import annotations

from providers import jsonbody, openai_errors
from providers.openai_other import PassingMeter
from providers.wire import Call, Denial, Facts, Grant, Meter, Reading, Reply, Usage

PATH = "/v1/audio/speech"
# https://platform.openai.com/docs/pricing#transcription-and-speech-generation
MODELS = ("tts-1", "tts-1-hd")


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
        if model not in MODELS:
            raise jsonbody.not_metered(f"Speech of a model other than {' and '.join(MODELS)}")
        text = document.get("input")
        if not isinstance(text, str):
            raise jsonbody.bad_request("`input` must be text.")
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            has_output=False,
            charges={"input_characters": len(text)},
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that knows what was asked; an answer that is no sound tells nothing."""
        if content_type.partition(";")[0].strip().lower() == "application/json":
            return PassingMeter()
        return SpeechMeter(facts.charges["input_characters"])

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event; sound is never streamed as events here."""
        return openai_errors.error_event(denial)


OPENAI_SPEECH = OpenAISpeech()
