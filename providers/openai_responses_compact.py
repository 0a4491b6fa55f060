"""OpenAI Responses: `POST /v1/responses/compact`, which makes a long conversation shorter.

Owns: what such a request may cost. Refuses to know: prices, budgets.
Request: https://developers.openai.com/api/reference/resources/responses/methods/compact

It is one run of the model over the conversation, and its answer carries the usage of that run. The
request has no field for an output cap, so the reserve is for the model's longest answer.
"""

from __future__ import annotations

from dataclasses import replace

from providers import jsonbody, openai_errors, openai_tiers
from providers.openai_responses import earlier_turns, input_tokens_max, refuse_options, uses_of
from providers.openai_responses_dialects import OPENAI
from providers.openai_responses_input import read_input
from providers.openai_responses_meter import JsonMeter
from providers.openai_responses_tools import read_tools
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/responses/compact"

OPTIONS = frozenset(
    (
        *("client_metadata", "image", "input", "instructions", "model", "parallel_tool_calls"),
        *("previous_response_id", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "reasoning", "service_tier", "text", "tools"),
    )
)


_DIALECT = replace(OPENAI, options=OPTIONS)


class OpenAIResponsesCompact:
    """The wire format; stateless, one instance."""

    name = "openai_responses_compact"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        tier = jsonbody.optional_string(document, "service_tier")
        refuse_options(document, model, _DIALECT)
        content = read_input(document.get("input"))
        tools = [*jsonbody.optional_list(document, "tools"), *content.tools]
        toolbox = read_tools(tools, model)
        earlier = earlier_turns(call, document, model)
        if document.get("input") is None and not earlier.named:
            raise jsonbody.bad_request("`input` must be text or a list of items.")
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            input_tokens_max=input_tokens_max(call.body, document, content, toolbox, model)
            + earlier.tokens,
            cap_writable=False,
            uses=uses_of(tools, content, earlier),
            service_tier=tier,
            premium_tier=tier in openai_tiers.PREMIUM,
            modalities=content.modalities | earlier.modalities,
            input_unseen=earlier.unseen or content.unseen or toolbox.unseen or bool(toolbox.units),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is nothing that could be written into it."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return JsonMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event; this answer is never streamed."""
        return openai_errors.error_event(denial)


OPENAI_RESPONSES_COMPACT = OpenAIResponsesCompact()
