"""Ollama's embeddings: `POST /api/embed`, and the older `POST /api/embeddings`.

Owns: which texts such a request embeds, and where its answer says how many tokens that was.
Refuses to know: prices, budgets, what is common to all that embed (embedding.py).
https://docs.ollama.com/api/embed

The older path tells no usage, so the bound is what is booked.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, ollama_errors
from providers.embedding import Embedding
from providers.fields import Row, extract
from providers.jsonanswer import text_field
from providers.wire import Usage

EMBED, EMBEDDINGS = "/api/embed", "/api/embeddings"
MAX_INPUTS = 1_000_000

# https://docs.ollama.com/api/usage
USAGE = (Row("input_tokens", ("prompt_eval_count",), required=True),)


def _texts(route: str, document: dict[str, Any]) -> list[str]:
    """Raises Refused (400) for what is no text, or no list of texts where one may stand."""
    given = document.get("input" if route == EMBED else "prompt")
    texts: list[Any] = given if isinstance(given, list) and route == EMBED else [given]
    if len(texts) > MAX_INPUTS or not all(isinstance(text, str) for text in texts):
        raise jsonbody.bad_request("What is to be embedded must be text, or a list of texts.")
    return texts


def _told(document: dict[str, Any]) -> Usage | None:
    counts = extract(USAGE, document)
    return None if counts is None else Usage(counts, text_field(document, "model"))


OLLAMA_EMBED = Embedding(
    name="ollama_embed",
    paths=(EMBED, EMBEDDINGS),
    texts=_texts,
    told=_told,
    refuse=ollama_errors.refuse,
    error_event=ollama_errors.error_line,
)
