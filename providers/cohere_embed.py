"""Cohere Embed: `POST /v2/embed` and `POST /v1/embed`. Input is billed, output is not.

Owns: what such a request may cost. Refuses to know: prices, budgets.
Request: https://docs.cohere.com/reference/embed, https://docs.cohere.com/v1/reference/embed

Pictures are refused: their tokens have a price of their own, which the catalogue lacks. A text that
is too long is cut or refused by Cohere, so its own length still bounds it.
"""

from __future__ import annotations

from typing import Any

from providers import cohere_errors, jsonbody, tokens
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply, Usage

PATHS = ("/v2/embed", "/v1/embed")
MAX_TEXTS = 100_000

# https://docs.cohere.com/reference/embed#response.body.meta
BILLED = (Row("input_tokens", ("billed_units", "input_tokens"), required=True),)


class CohereEmbed:
    """The wire format; stateless, one instance."""

    name = "cohere_embed"

    def claims(self, call: Call) -> bool:
        """POST to one of the two paths."""
        return call.method == "POST" and call.route in PATHS

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for pictures."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        if jsonbody.optional_list(document, "images"):
            raise jsonbody.not_metered("The embedding of pictures (`images`)")
        texts = [
            *jsonbody.optional_list(document, "texts"),
            *(text for item in jsonbody.optional_list(document, "inputs") for text in _texts(item)),
        ]
        if not 0 < len(texts) <= MAX_TEXTS:
            raise jsonbody.bad_request("`texts` or `inputs` must be a non-empty list.")
        if not all(isinstance(text, str) for text in texts):
            raise jsonbody.bad_request("Each of `texts` must be text.")
        return Facts(
            endpoint=call.route,
            kind="metered",
            model=model,
            input_tokens_max=tokens.any_vocabulary_max(texts),
            has_output=False,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return JsonAnswer(_usage, has_output=False)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a stream of Cohere's would end; embeddings are never streamed."""
        return cohere_errors.error_event(denial)


COHERE_EMBED = CohereEmbed()


def _texts(item: Any) -> list[Any]:
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise jsonbody.bad_request("Each of `inputs` must hold a list of objects as `content`.")
    if any(part.get("type") != "text" for part in content):
        raise jsonbody.not_metered("The embedding of anything but text")
    return [part.get("text") for part in content]


def _usage(document: dict[str, Any]) -> Usage | None:
    counts = extract(BILLED, document.get("meta"))
    return None if counts is None else Usage(counts)
