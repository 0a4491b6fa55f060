"""Cohere Embed: `POST /v2/embed` and `POST /v1/embed`.

Owns: which texts such a request embeds, and where its answer says what that cost.
Refuses to know: prices, budgets, what is common to all that embed (embedding.py).
Request: https://docs.cohere.com/reference/embed, https://docs.cohere.com/v1/reference/embed

Pictures are refused: their tokens have a price of their own, which the catalogue lacks.
"""

from __future__ import annotations

from typing import Any

from providers import cohere_errors, jsonbody
from providers.embedding import Embedding
from providers.fields import Row, extract
from providers.wire import Usage

PATHS = ("/v2/embed", "/v1/embed")
MAX_TEXTS = 100_000

# https://docs.cohere.com/reference/embed#response.body.meta
BILLED = (Row("input_tokens", ("billed_units", "input_tokens"), required=True),)


def _texts(_: str, document: dict[str, Any]) -> list[str]:
    """Raises Refused: 400 for what is no list of texts, 403 for pictures."""
    if jsonbody.optional_list(document, "images"):
        raise jsonbody.not_metered("The embedding of pictures (`images`)")
    texts = [
        *jsonbody.optional_list(document, "texts"),
        *(text for item in jsonbody.optional_list(document, "inputs") for text in _of(item)),
    ]
    if not 0 < len(texts) <= MAX_TEXTS:
        raise jsonbody.bad_request("`texts` or `inputs` must be a non-empty list.")
    if not all(isinstance(text, str) for text in texts):
        raise jsonbody.bad_request("Each of `texts` must be text.")
    return texts


def _of(item: Any) -> list[Any]:
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise jsonbody.bad_request("Each of `inputs` must hold a list of objects as `content`.")
    if any(part.get("type") != "text" for part in content):
        raise jsonbody.not_metered("The embedding of anything but text")
    return [part.get("text") for part in content]


def _told(document: dict[str, Any]) -> Usage | None:
    counts = extract(BILLED, document.get("meta"))
    return None if counts is None else Usage(counts)


COHERE_EMBED = Embedding(
    name="cohere_embed",
    paths=PATHS,
    texts=_texts,
    told=_told,
    refuse=cohere_errors.refuse,
    error_event=cohere_errors.error_event,
)
