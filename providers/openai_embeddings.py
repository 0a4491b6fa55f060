"""OpenAI Embeddings: the `POST /v1/embeddings` wire format. Input is billed, output is not.

Owns: what such a request may cost, at OpenAI and at hosts whose models have vocabularies of other
kinds. Refuses to know: prices, budgets.
Request: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, openai_errors, openai_tiers, tokens
from providers.fields import Row
from providers.openai_chat_meter import JsonMeter
from providers.openai_usage import UsageShape
from providers.spelling import refuse_other_spellings
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/embeddings"
MAX_INPUTS = 1_000_000

# https://platform.openai.com/docs/api-reference/embeddings/create (the returned `usage`)
USAGE = UsageShape((Row("input_tokens", ("prompt_tokens",), required=True),))


class OpenAIEmbeddings:
    """The wire format; stateless, one instance per kind of vocabulary (see tokens.py)."""

    def __init__(self, name: str, byte_level: bool) -> None:
        self.name = name
        self._byte_level = byte_level

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for a dearer tier."""
        document = jsonbody.parse_object(call.body)
        openai_tiers.read_tier(document, openai_tiers.STANDARD)
        if not self._byte_level:
            refuse_other_spellings(document)
        given = document.get("input")
        gained = 0 if self._byte_level else tokens.normal_form_bytes(given)
        return Facts(
            endpoint=PATH,
            kind="metered",
            uses=TEXT,
            model=call.path_model or jsonbody.model_name(document),
            input_tokens_max=_input_tokens_max(given) + gained,
            has_output=False,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return JsonMeter(USAGE, has_output=False)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event; embeddings are never streamed."""
        return openai_errors.error_event(denial)


OPENAI_EMBEDDINGS = OpenAIEmbeddings("openai_embeddings", byte_level=True)
COMPATIBLE_EMBEDDINGS = OpenAIEmbeddings("compatible_embeddings", byte_level=False)


def _input_tokens_max(given: Any) -> int:
    """Text counts by its bytes, ready tokens by their number; framing once per text."""
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not 0 < len(inputs) <= MAX_INPUTS:
        raise jsonbody.bad_request("`input` must be text, or a non-empty list of texts or tokens.")
    if all(isinstance(item, str) for item in inputs):
        return sum(tokens.text_tokens_max(item) + tokens.MESSAGE_TOKENS for item in inputs)
    if _are_tokens(inputs):
        return len(inputs) + tokens.MESSAGE_TOKENS
    if all(isinstance(item, list) and item and _are_tokens(item) for item in inputs):
        return sum(len(item) + tokens.MESSAGE_TOKENS for item in inputs)
    raise jsonbody.bad_request("`input` must be text, or a list of only texts or only tokens.")


def _are_tokens(items: list[Any]) -> bool:
    return all(type(item) is int and item >= 0 for item in items)
