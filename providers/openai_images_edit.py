"""OpenAI Images: `POST /v1/images/edits`, which draws from pictures.

Owns: what the pictures sent with such a request may cost. Refuses to know: prices, budgets, what
one that is drawn costs (openai_images.py), forms (formbody.py).
Request: https://platform.openai.com/docs/api-reference/images/createEdit, as a form or as JSON

Input. Each picture, and the mask, is scaled into 2048 x 2048 and then to a short side of 512, so it
has no more than the 16 tiles of 512 x 512 of that square: 65 tokens and 129 a tile. With a high
`input_fidelity` it is kept besides at full size, as 6240 tokens at the most. Neither depends on how
large the file is.
https://platform.openai.com/docs/guides/images-vision#gpt-image-1
One that is scaled down fills four of those tiles at the most; the other twelve hold what no page
tells: 32 tokens of text are billed with a picture beside the prompt, as was seen of the API
(https://community.openai.com/t/1281361).
Where the answer does not tell its parts apart, all of the input is billed as pictures, the dearer.

Refused: what openai_images.py refuses, and a `markup`, which is no picture among the others.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, openai_errors, openai_images, tokens
from providers.events import EventMeter, Told
from providers.formbody import Form, parse_form
from providers.jsonanswer import JsonAnswer
from providers.media_type import is_stream
from providers.sse import Splitter
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

PATH = "/v1/images/edits"
MAX_SOURCES = 16
SOURCE_TOKENS = 65 + 16 * 129
FAITHFUL_TOKENS = 6240

_COUNTS = {"n": 1, "partial_images": 0, "output_compression": 0}
_FIDELITIES = (None, "low", "high")


class OpenAIImageEdits:
    """The wire format; stateless, one instance."""

    name = "openai_images_edit"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        kind = call.headers.get("content-type", "")
        if kind.lower().startswith("multipart/"):
            document, sources = _of_form(parse_form(call.body, kind))
        else:
            document = jsonbody.parse_object(call.body)
            images = document.pop("images", None)
            if not isinstance(images, list):
                raise jsonbody.bad_request("`images` must be a list.")
            sources = len(images) + (document.pop("mask", None) is not None)
        if not 0 < sources <= MAX_SOURCES + 1:
            raise jsonbody.bad_request(f"There must be 1 to {MAX_SOURCES} pictures to draw from.")
        fidelity = jsonbody.optional_string(document, "input_fidelity")
        if fidelity not in _FIDELITIES:
            raise jsonbody.not_metered("Another `input_fidelity`")
        each = SOURCE_TOKENS + (FAITHFUL_TOKENS if fidelity == "high" else 0)
        text = tokens.text_tokens_max(str(document.get("prompt")))
        input_max = text + tokens.REQUEST_TOKENS + sources * each
        return openai_images.drawing(PATH, document, input_max, frozenset(("input_fidelity",)))

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: nothing in it could cap the output."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of events for a stream, else of one document. Errors are always JSON."""
        if is_stream(facts, status, content_type):
            return EventMeter(Splitter(openai_images.MAX_EVENT_BYTES), _event)
        return JsonAnswer(_told)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


OPENAI_IMAGES_EDIT = OpenAIImageEdits()


def _of_form(form: Form) -> tuple[dict[str, Any], int]:
    """The options as JSON would have them, and the number of pictures."""
    sources = len(form.files("image")) + len(form.files("mask"))
    document: dict[str, Any] = {}
    for name in sorted(form.names() - {"image", "mask"}):
        if name in _COUNTS:
            document[name] = form.count(name, least=_COUNTS[name])
        else:
            document[name] = form.flag(name) if name == "stream" else form.text(name)
    return document, sources


def _told(document: dict[str, Any]) -> Usage | None:
    usage = openai_images.told(document)
    if usage is None:
        return None
    return Usage({"input_image_tokens": usage.counts["input_tokens"], **usage.counts})


def _event(event: dict[str, Any]) -> Told:
    if event.get("type") != "image_edit.completed":
        return Told()
    return Told(ends=True, usage=_told(event))
