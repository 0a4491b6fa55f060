"""OpenAI transcription and translation: `POST /v1/audio/transcriptions` and `.../translations`.

Owns: what such a form may cost, and how its answer is counted. Refuses to know: prices, budgets,
forms (formbody.py), files of sound (sound_length.py).
Request: https://platform.openai.com/docs/api-reference/audio/createTranscription

Models billed by the second. The bound is the length of the file by its bytes, where those tell it;
else what the operator says (`audio_seconds_max`), and without that the call is refused. A host may
bill a least length. The request has no output that is billed.

Models billed by the token. No page says how many tokens a second these models make of sound. Those
of Realtime make ten of what is heard and twenty of what is said
(https://platform.openai.com/docs/guides/realtime-costs), so it is taken for twenty. OpenAI refuses
more than 1400 seconds, and one run of the model reads no more than its window and writes no more
than its longest answer (model_limits.py), so both bound any file whatever. That holds for one run,
so what cuts the sound into several (`chunking_strategy`) is refused for these models, and so are
samples of speakers, which are sound of their own.
"""

from __future__ import annotations

import math
import re
from typing import Any

from providers import jsonbody, openai_errors, tokens
from providers.events import EventMeter, Told
from providers.fields import Row, extract
from providers.formbody import Form, parse_form
from providers.jsonanswer import JsonAnswer, string_bytes
from providers.media_type import is_stream
from providers.openai_chat_content import TOKENS_A_SECOND
from providers.sound_length import seconds_max
from providers.sse import Splitter
from providers.uses import AUDIO, Uses
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations")
# https://community.openai.com/t/gpt4-0-transcribe-max-1500-seconds/1306684 (the API's 400 says so)
TOKEN_MODEL_SECONDS_MAX = 1400

_BY_TOKEN = re.compile(r"gpt-4o(-mini)?-transcribe(-diarize)?(-\d{4}-\d\d-\d\d)?")
_OPTIONS = frozenset(
    (
        *("file", "model", "language", "languages", "keywords", "prompt", "response_format"),
        *("temperature", "timestamp_granularities", "include", "stream"),
    )
)
# What a model is told beside the sound.
_SAID = ("prompt", "keywords", "language", "languages")
# https://platform.openai.com/docs/api-reference/audio/json-object (`usage`)
USAGE = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("input_audio_tokens", ("input_token_details", "audio_tokens"), part_of="input_tokens"),
    Row("output_tokens", ("output_tokens",), required=True),
)


class OpenAITranscription:
    """The wire format; stateless, one instance per host.

    by_second:     the models that are billed by the second.
    by_token:      those that are billed by the token.
    least_seconds: what a call is billed for, however short its sound.
    options:       the host's own, beside OpenAI's; `url` names a file that is not in the request.
    """

    def __init__(
        self,
        name: str,
        by_second: frozenset[str],
        by_token: re.Pattern[str] | None = None,
        least_seconds: int = 0,
        options: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self._by_second = by_second
        self._by_token = by_token
        self._least = least_seconds
        self._options = _OPTIONS | options

    def claims(self, call: Call) -> bool:
        """POST to one of the two paths."""
        return call.method == "POST" and call.route in PATHS

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        form = parse_form(call.body, call.headers.get("content-type", ""))
        model = jsonbody.model_name({"model": form.text("model")})
        timed = model in self._by_second
        if not timed and not (self._by_token and self._by_token.fullmatch(model)):
            raise jsonbody.not_metered("Transcription by a model that is not known here")
        self._refuse_options(form, timed)
        seconds = self._seconds(form)
        if timed:
            return self._timed(call, form, model, seconds)
        sound = min(seconds or TOKEN_MODEL_SECONDS_MAX, TOKEN_MODEL_SECONDS_MAX) * TOKENS_A_SECOND
        words = sum(tokens.text_tokens_max(text) for name in _SAID for text in form.texts(name))
        return Facts(
            endpoint=call.route,
            kind="metered",
            model=model,
            stream=form.flag("stream"),
            input_tokens_max=sound + words + tokens.REQUEST_TOKENS,
            cap_writable=False,
            usage_wanted=True,
            modalities=frozenset({"text", "audio"}),
            uses=Uses(media=frozenset({AUDIO})),
            media_fill_window=True,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: nothing in it could cap the output."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of events for a stream, else of one document; plain text tells no usage."""
        timed = not facts.has_output
        if is_stream(facts, status, content_type):
            return EventMeter(Splitter(), self._told_seconds if timed else _told_tokens)
        return JsonAnswer(self._seconds_told if timed else _tokens_told, has_output=not timed)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)

    def _refuse_options(self, form: Form, timed: bool) -> None:
        known = self._options | ({"chunking_strategy"} if timed else frozenset())
        if form.names() - known:
            raise jsonbody.not_metered("An option that is not known for this model")

    def _seconds(self, form: Form) -> int | None:
        """The most that the sound can last, None where nothing tells."""
        files = form.files("file")
        if len(files) == 1 and form.text("url") is None:
            return seconds_max(files[0])
        if files or not form.text("url"):
            raise jsonbody.bad_request("`file` must be one file of sound.")
        return None

    def _timed(self, call: Call, form: Form, model: str, seconds: int | None) -> Facts:
        known = max(seconds or 0, self._least)
        return Facts(
            endpoint=call.route,
            kind="metered",
            model=model,
            stream=form.flag("stream"),
            has_output=False,
            uses=Uses(media=frozenset({AUDIO})),
            usage_wanted=True,
            charges={"input_audio_seconds": known} if known else {},
            seconds_untold=seconds is None,
        )

    def _seconds_told(self, document: dict[str, Any]) -> Usage | None:
        """Whole seconds, rounded up: from the usage, else from the length that the answer names."""
        usage = document.get("usage")
        told = usage.get("seconds") if isinstance(usage, dict) else document.get("duration")
        if not isinstance(told, int | float) or isinstance(told, bool) or not 0 <= told < 1e9:
            return None
        seconds = max(math.ceil(told), self._least)
        return Usage({"audio_seconds": seconds, "input_audio_seconds": seconds})

    def _told_seconds(self, event: dict[str, Any]) -> Told:
        ends = event.get("type") == "transcript.text.done"
        return Told(0, ends, self._seconds_told(event) if ends else None)


OPENAI_TRANSCRIPTION = OpenAITranscription(
    "openai_transcription", frozenset(("whisper-1", "gpt-transcribe")), _BY_TOKEN
)
# https://console.groq.com/docs/speech-to-text: billed for ten seconds at the least.
GROQ_TRANSCRIPTION = OpenAITranscription(
    "groq_transcription",
    frozenset(("whisper-large-v3", "whisper-large-v3-turbo")),
    least_seconds=10,
    options=frozenset(("url",)),
)


def _tokens_told(document: dict[str, Any]) -> Usage | None:
    """Where the parts are not told, all of the input is taken for sound, the dearer."""
    counts = extract(USAGE, document.get("usage"))
    if counts is None:
        return None
    return Usage({"input_audio_tokens": counts["input_tokens"], **counts})


def _told_tokens(event: dict[str, Any]) -> Told:
    if event.get("type") == "transcript.text.done":
        return Told(0, ends=True, usage=_tokens_told(event))
    return Told(1 + string_bytes(event))
