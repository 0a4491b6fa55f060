"""Cohere Chat, version 2: the `POST /v2/chat` wire format.

Owns: what such a request may cost, and the changes AEX makes to it.
Refuses to know: prices, budgets. The answer is counted in cohere_meter.py.
Request: https://docs.cohere.com/reference/chat

Cohere bills `billed_units`: the texts of the request. What it puts around them (turns, a preamble,
safety rules) counts in `tokens` only; the constants of tokens.py are kept on top all the same. Its
vocabulary is byte-level (https://docs.cohere.com/docs/tokens-and-tokenizers), over a normal form.

Fails closed on content: pictures, tools that are no functions and every kind of part that is not
known here are refused. Other options pass: whatever text they bring is in the body and is counted
there, and `max_tokens` holds all that the model generates (thinking, plans, calls and text alike).
Citations point at text that was counted already; what marks them is not in `billed_units`.
"""

from __future__ import annotations

from typing import Any

from providers import cohere_errors, jsonbody, tokens
from providers.cohere_meter import v2_meter
from providers.functions import count_functions
from providers.rewriting import written
from providers.spelling import refuse_other_spellings
from providers.uses import of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v2/chat"
MAX_MESSAGES = 100_000

_TEXT_PARTS = ("text", "thinking", "document")


class CohereChat:
    """The wire format; stateless, one instance."""

    name = "cohere_chat"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        refuse_other_spellings(document)
        model = jsonbody.model_name(document)
        if jsonbody.optional_list(document, "connectors"):
            raise jsonbody.not_metered("A search by the provider (`connectors`)")
        messages = document.get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
            raise jsonbody.bad_request("`messages` must be a non-empty list.")
        parts = sum(map(_count_parts, messages))
        parts += len(jsonbody.optional_list(document, "documents"))
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=tokens.request_tokens_max(
                call.body, messages=len(messages) + parts, tools=count_functions(document)
            )
            + tokens.normal_form_bytes(document),
            output_tokens_cap=jsonbody.optional_count(document, "max_tokens"),
            usage_wanted=True,
            uses=of_tools(jsonbody.optional_list(document, "tools")),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        return with_cap(call, facts, grant)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter."""
        return v2_meter(facts, status, content_type)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as the event that ends a stream."""
        return cohere_errors.error_event(denial)


COHERE_CHAT = CohereChat()


def with_cap(call: Call, facts: Facts, grant: Grant) -> bytes:
    """The body with `max_tokens` as granted, never above what was asked."""
    cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
    if cap is None or (asked is not None and asked <= cap):
        return call.body
    document = {**facts.document, "max_tokens": cap}
    return written(document)


def _count_parts(message: Any) -> int:
    if not isinstance(message, dict):
        raise jsonbody.bad_request("Each of `messages` must be an object.")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return 0
    if not isinstance(content, list):
        raise jsonbody.bad_request("The `content` of a message must be text or a list.")
    for part in content:
        if not isinstance(part, dict):
            raise jsonbody.bad_request("Each part of a message must be an object.")
        if part.get("type") not in _TEXT_PARTS:
            raise jsonbody.not_metered("Content other than text and documents")
    return len(content)
