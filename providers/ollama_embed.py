"""Ollama's embeddings: `POST /api/embed`, and the older `POST /api/embeddings`.

Owns: what such a request may use. Refuses to know: prices, budgets.
https://docs.ollama.com/api/embed

A text that is too long is cut or refused, so its own length bounds it; its model may have any of
the vocabularies of tokens.py. The older path tells no usage, so the bound is what is booked.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, ollama_errors, tokens
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, text_field
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply, Usage

EMBED, EMBEDDINGS = "/api/embed", "/api/embeddings"
MAX_INPUTS = 1_000_000

# https://docs.ollama.com/api/usage
USAGE = (Row("input_tokens", ("prompt_eval_count",), required=True),)


class OllamaEmbed:
    """The wire format; stateless, one instance."""

    name = "ollama_embed"

    def claims(self, call: Call) -> bool:
        """POST to one of the two paths."""
        return call.method == "POST" and call.route in (EMBED, EMBEDDINGS)

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused (400) for a malformed body."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        given = document.get("input" if call.route == EMBED else "prompt")
        texts: list[Any] = given if isinstance(given, list) and call.route == EMBED else [given]
        if len(texts) > MAX_INPUTS or not all(isinstance(text, str) for text in texts):
            raise jsonbody.bad_request("What is to be embedded must be text, or a list of texts.")
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
        """The denial as Ollama's error object."""
        return ollama_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a line; embeddings are never streamed."""
        return ollama_errors.error_line(denial)


OLLAMA_EMBED = OllamaEmbed()


def _usage(document: dict[str, Any]) -> Usage | None:
    counts = extract(USAGE, document)
    return None if counts is None else Usage(counts, text_field(document, "model"))
