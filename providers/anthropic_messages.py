"""Anthropic Messages: the `POST /v1/messages` wire format.

Owns: what such a request may cost, and the changes AEX makes to it. Refuses to know: prices,
budgets. The answer is counted in anthropic_meter.py; blocks and tools are read in
anthropic_content.py and anthropic_tools.py, text is bounded in anthropic_tokens.py.
Request: https://platform.claude.com/docs/en/api/messages/create

Fails closed: the API refuses keys that it does not know, so a key that is not known here is a new
feature of it, which may cost; it is refused as `not_metered`, and so is what cannot be bounded.
`max_tokens` bounds all output of a call, thinking included. A `fallback_credit_token` may only
lower the bill; what it takes off is not told, so such a call is booked without it.
"""

from __future__ import annotations

import re
from typing import Any

from providers import anthropic_errors, jsonbody
from providers.anthropic_content import read_content
from providers.anthropic_meter import MessageMeter, StreamMeter
from providers.anthropic_options import read_options, refuse_longer_window
from providers.anthropic_tokens import framing_tokens_max, text_tokens_max
from providers.anthropic_tools import RUNS_MAX, read_tools, with_limit
from providers.claude_models import picture_tokens_max, thinks_unasked
from providers.media_type import is_stream
from providers.rewriting import changed
from providers.uses import Uses, known
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/messages"
THINKING_TOKENS_MIN = 1_024

# Units of a cache that is written: never without `cache_control`, and for an hour only where
# "1h" is asked for. Neither word can be written otherwise in JSON but by escapes of ASCII.
_CACHE_WRITES = ("cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")


class AnthropicMessages:
    """The wire format; stateless, one instance."""

    name = "anthropic_messages"

    def claims(self, call: Call) -> bool:
        """POST to the one path, whatever its query (`?beta=true`)."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        refuse_longer_window(model, call.headers.get("anthropic-beta"))
        options = read_options(document)
        content = read_content(document)
        tools = read_tools(jsonbody.optional_list(document, "tools"), content.definitions)
        input_max = text_tokens_max(call.body, document) - content.picture_bytes
        input_max += content.pictures * picture_tokens_max(model)
        input_max += tools.tokens + tools.expanded_tokens_max(content.references)
        input_max += framing_tokens_max(
            call.body,
            messages=content.messages,
            blocks=content.blocks,
            members=content.members,
            tools=tools.count,
        )
        unseen = content.unseen or options.continues or tools.runs_itself
        compacts = options.compacts_at is not None and (unseen or input_max >= options.compacts_at)
        if compacts and tools.runs_itself:
            raise jsonbody.not_metered("Compaction between uses of tools that the provider runs")
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=input_max,
            input_unseen=unseen,
            output_tokens_cap=jsonbody.optional_count(document, "max_tokens", least=0),
            output_tokens_least=THINKING_TOKENS_MIN + 1 if _thinks_at_length(document) else 1,
            hidden_output=_hides_output(document, model),
            usage_wanted=True,
            service_tier=options.tier,
            premium_tier=options.premium,
            unbilled=_unbilled(call.body),
            uses=Uses(known(tools.ours), known(tools.theirs), content.media),
            server_calls_max=tools.searches_max,
            server_units=tools.units,
            model_runs_max=RUNS_MAX if tools.runs_itself else 2 if compacts else None,
            summaries_max=1 if compacts else 0,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        changes: dict[str, Any] = {}
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        if cap is not None and (asked is None or cap < asked):
            changes["max_tokens"] = cap
            if asked is not None and _thinks_at_length(facts.document):
                changes["thinking"] = _thinking_within(facts.document["thinking"], cap, asked)
        if grant.server_calls_max is not None:
            tools = jsonbody.optional_list(facts.document, "tools")
            changes["tools"] = with_limit(tools, grant.server_calls_max)
        return changed(call.body, facts.document, changes)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        if is_stream(facts, status, content_type):
            return StreamMeter(facts)
        return MessageMeter(facts)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Anthropic's error object."""
        return anthropic_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Anthropic's error event."""
        return anthropic_errors.error_event(denial)


ANTHROPIC_MESSAGES = AnthropicMessages()


def _hides_output(document: dict[str, Any], model: str) -> bool:
    """Thinking is billed in full and sent as a summary, or not at all."""
    kind = jsonbody.optional_object(document, "thinking").get("type")
    return thinks_unasked(model) if kind is None else kind != "disabled"


def _thinks_at_length(document: dict[str, Any]) -> bool:
    """True where `thinking` has a budget of its own, which is to be below `max_tokens`."""
    return bool(jsonbody.optional_object(document, "thinking").get("type") == "enabled")


def _thinking_within(thinking: dict[str, Any], cap: int, asked: int) -> dict[str, Any]:
    """The thinking budget made smaller by as much as the cap, so that the answer keeps its room.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking: at least 1024, and
    below `max_tokens`. One that was not (between tools it may be larger) stays as it is.
    """
    budget = thinking.get("budget_tokens")
    if type(budget) is not int or budget >= asked:
        return thinking
    return {**thinking, "budget_tokens": max(THINKING_TOKENS_MIN, budget - (asked - cap))}


def _unbilled(body: bytes) -> frozenset[str]:
    if _ESCAPED_ASCII.search(body):
        return frozenset()
    if b'"cache_control"' not in body:
        return frozenset(_CACHE_WRITES)
    return frozenset() if b'"1h"' in body else frozenset(_CACHE_WRITES[2:])
