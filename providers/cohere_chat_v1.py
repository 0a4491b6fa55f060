"""Cohere Chat, version 1: the `POST /v1/chat` wire format, kept by Cohere for older clients.

Owns: what such a request may cost. Refuses to know: prices, budgets. The answer is counted in
cohere_meter.py.
Request: https://docs.cohere.com/v1/reference/chat

Refused: connectors and generated search queries, which have fees and runs of their own, and the
ranking of documents by relevance. A conversation that Cohere keeps is input that was not sent. A
model must be named: what Cohere takes without one changes.
"""

from __future__ import annotations

from providers import cohere_errors, jsonbody, tokens
from providers.cohere_chat import with_cap
from providers.cohere_meter import v1_meter
from providers.spelling import refuse_other_spellings
from providers.uses import of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/chat"

_LISTS = ("chat_history", "documents", "tool_results")


class CohereChatV1:
    """The wire format; stateless, one instance."""

    name = "cohere_chat_v1"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        refuse_other_spellings(document)
        model = jsonbody.model_name(document)
        if not isinstance(document.get("message"), str):
            raise jsonbody.bad_request("`message` must be text.")
        if jsonbody.optional_list(document, "connectors"):
            raise jsonbody.not_metered("A search by the provider (`connectors`)")
        if jsonbody.optional_bool(document, "search_queries_only"):
            raise jsonbody.not_metered("Writing search queries (`search_queries_only`)")
        if jsonbody.optional_string(document, "prompt_truncation") == "AUTO":
            raise jsonbody.not_metered("Ranking by relevance (`prompt_truncation`)")
        turns = 1 + sum(len(jsonbody.optional_list(document, key)) for key in _LISTS)
        tools = len(jsonbody.optional_list(document, "tools"))
        input_max = tokens.request_tokens_max(call.body, messages=turns, tools=tools)
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=input_max + tokens.normal_form_bytes(document),
            input_unseen=jsonbody.optional_string(document, "conversation_id") is not None,
            output_tokens_cap=jsonbody.optional_count(document, "max_tokens"),
            usage_wanted=True,
            uses=of_tools(jsonbody.optional_list(document, "tools")),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        return with_cap(call, facts, grant)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of lines or events for a stream, else a JSON meter."""
        return v1_meter(facts, status, content_type)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as the line that ends a stream."""
        return cohere_errors.error_line(denial)


COHERE_CHAT_V1 = CohereChatV1()
