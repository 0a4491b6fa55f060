"""OpenAI Images: `POST /v1/images/generations`, for the models whose pictures have published sizes
in tokens.

Owns: what such a request may cost, and how its answer is counted. Refuses to know: prices, budgets.
Request: https://platform.openai.com/docs/api-reference/images/create

Output. A picture of a given quality and size is a published number of tokens, each partial one is
100 more; `auto` may become any of them, so the dearest counts. The request has no field for a cap.
Input. The prompt, once for each picture: several are billed as if each had been asked for alone.

Refused: models and sizes that are not in the table, drawings and moving pictures (other models make
them, or several pictures), and every option that is not known here, for it may be one of that kind.
Edits: openai_images_edit.py. Variations are made by models that the catalogue does not price; no
format claims them.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, openai_errors, tokens
from providers.events import EventMeter, Told
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer
from providers.media_type import is_stream
from providers.sse import Splitter
from providers.uses import IMAGE, Uses
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

PATH = "/v1/images/generations"
MODELS = ("gpt-image-1", "gpt-image-1-mini")
MAX_PICTURES = 10
MAX_PARTIAL = 3
# An event holds a whole picture; larger ones pass unread.
MAX_EVENT_BYTES = 64 * 1024 * 1024

# https://platform.openai.com/docs/guides/image-generation#calculating-costs
PICTURE_TOKENS = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
PARTIAL_TOKENS = 100

OPTIONS = frozenset(
    (
        *("background", "model", "moderation", "n", "output_compression", "output_format"),
        *("partial_images", "prompt", "quality", "safety_identifier", "size", "stream", "user"),
    )
)
_FORMATS = (None, "png", "jpeg", "webp")

# https://platform.openai.com/docs/api-reference/images/object (`usage`)
USAGE = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("input_text_tokens", ("input_tokens_details", "text_tokens"), part_of="input_tokens"),
    Row("input_image_tokens", ("input_tokens_details", "image_tokens"), part_of="input_tokens"),
    Row("output_tokens", ("output_tokens",), required=True),
    Row("output_text_tokens", ("output_tokens_details", "text_tokens"), part_of="output_tokens"),
    Row("output_image_tokens", ("output_tokens_details", "image_tokens"), part_of="output_tokens"),
)


class OpenAIImages:
    """The wire format; stateless, one instance."""

    name = "openai_images"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        return drawing(PATH, document, tokens.request_tokens_max(call.body, messages=1))

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: nothing in it could cap the output."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of events for a stream, else of one document. Errors are always JSON."""
        if is_stream(facts, status, content_type):
            return EventMeter(Splitter(MAX_EVENT_BYTES), _event)
        return JsonAnswer(told)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


OPENAI_IMAGES = OpenAIImages()


def drawing(
    path: str,
    document: dict[str, Any],
    input_tokens_max: int,
    more_options: frozenset[str] = frozenset(),
) -> Facts:
    """Facts of a request to draw, whatever it draws from. Raises Refused.

    input_tokens_max: of one picture; more_options: those that are known for this path alone.
    """
    model = jsonbody.model_name(document)
    if model not in MODELS:
        raise jsonbody.not_metered(f"A picture by a model other than {' and '.join(MODELS)}")
    if not isinstance(document.get("prompt"), str):
        raise jsonbody.bad_request("`prompt` must be text.")
    jsonbody.refuse_unknown(document, OPTIONS | more_options)
    if jsonbody.optional_string(document, "output_format") not in _FORMATS:
        raise jsonbody.not_metered("A picture in another format (`output_format`)")
    pictures = jsonbody.optional_count(document, "n", most=MAX_PICTURES) or 1
    stream = jsonbody.optional_bool(document, "stream")
    if stream and pictures > 1:
        raise jsonbody.not_metered("A stream of several pictures")
    return Facts(
        endpoint=path,
        kind="metered",
        model=model,
        stream=stream,
        input_tokens_max=pictures * input_tokens_max,
        output_tokens_cap=_picture_tokens(document),
        cap_writable=False,
        choices=pictures,
        usage_wanted=True,
        modalities=frozenset({"text", "image"}),
        uses=Uses(media=frozenset({IMAGE})),
        document=document,
    )


def _picture_tokens(document: dict[str, Any]) -> int:
    quality = jsonbody.optional_string(document, "quality") or "auto"
    size = jsonbody.optional_string(document, "size") or "auto"
    partial = jsonbody.optional_count(document, "partial_images", least=0, most=MAX_PARTIAL) or 0
    known = PICTURE_TOKENS.get("high" if quality == "auto" else quality)
    if known is None:
        raise jsonbody.not_metered("A picture of another quality (`quality`)")
    if size != "auto" and size not in known:
        raise jsonbody.not_metered("A picture of another size (`size`)")
    whole = max(known.values()) if size == "auto" else known[size]
    return whole + partial * PARTIAL_TOKENS


def told(document: dict[str, Any]) -> Usage | None:
    """The usage that an answer states, or None."""
    counts = extract(USAGE, document.get("usage"))
    return None if counts is None else Usage(counts)


def _event(event: dict[str, Any]) -> Told:
    """A picture's bytes say nothing about its tokens; the cap bounds them."""
    if event.get("type") != "image_generation.completed":
        return Told()
    return Told(ends=True, usage=told(event))
