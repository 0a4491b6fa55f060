"""OpenAI Responses: the `POST /v1/responses` wire format, and how any such request is read.

Owns: which options are known, what the request may cost, the changes AEX makes to it.
Refuses to know: prices, budgets. The answer is counted in openai_responses_meter.py.
Request: https://developers.openai.com/api/reference/resources/responses/methods/create

Options are a list of the known ones: those in it change nothing that is billed beyond the tokens
of the answer, which `max_output_tokens` caps, reasoning included. All others are refused, because
nothing tells what an option of tomorrow costs: running in the background (the answer, and its
usage, come with another call), templates (their model, tools and text are with the provider),
compaction inside a call and reasoning in `pro` mode (which run the model more than once).

A cap below 16 is refused by the API, which costs nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from providers import jsonbody, openai_errors, openai_sellers, tokens
from providers.media_type import is_stream
from providers.openai_dialect import Dialect
from providers.openai_responses_dialects import HOSTED_DIALECTS, OPENAI, ResponsesDialect
from providers.openai_responses_input import Content, read_input
from providers.openai_responses_meter import JsonMeter, StreamMeter
from providers.openai_responses_tools import Toolbox, read_tools
from providers.rewriting import changed
from providers.spelling import refuse_other_spellings
from providers.uses import DOCUMENT, TEXT, UNKNOWN, Uses, of_tools, union
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/responses"

_SHOWABLE = re.compile(r"[a-z_]{1,40}\Z")


class OpenAIResponses:
    """The wire format; stateless, one instance per dialect."""

    def __init__(self, dialect: ResponsesDialect) -> None:
        self.name = dialect.name
        self._dialect = dialect

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        stream = jsonbody.optional_bool(document, "stream")
        return read_create(call, document, stream=stream, dialect=self._dialect)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        return write_grant(call.body, facts, grant)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        meter = StreamMeter if is_stream(facts, status, content_type) else JsonMeter
        return meter(self._dialect.usage)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as this API's error event; the SDK raises its API error on it."""
        error = openai_errors.error_object(denial)
        event = {**error, "type": "error", "error": error}
        return b"event: error\ndata: " + json.dumps(event).encode("ascii") + b"\n\n"


OPENAI_RESPONSES = OpenAIResponses(OPENAI)
HOSTED_RESPONSES = tuple(map(OpenAIResponses, HOSTED_DIALECTS))


def read_create(
    call: Call,
    document: dict[str, Any],
    *,
    stream: bool,
    dialect: ResponsesDialect = OPENAI,
    more_options: frozenset[str] = frozenset(),
    has_output: bool = True,
) -> Facts:
    """Facts of a request for a response, however it came. Raises Refused.

    more_options: those that are known only on this way of sending it.
    """
    model = call.path_model or jsonbody.model_name(document)
    tier = jsonbody.optional_string(document, "service_tier")
    refuse_options(document, model, dialect, more_options)
    content = read_input(document.get("input"))
    tools = [*jsonbody.optional_list(document, "tools"), *content.tools]
    toolbox = Toolbox(len(tools)) if dialect.tools == "any" else read_tools(tools, model)
    _refuse_hosted(content, toolbox, dialect)
    earlier = earlier_turns(call, document, model)
    if document.get("input") is None and not earlier.named:
        raise jsonbody.bad_request("`input` must be text or a list of items.")
    calls = jsonbody.optional_count(document, "max_tool_calls", least=0)
    units = frozenset(toolbox.units if has_output else ())
    bound = input_tokens_max(call.body, document, content, toolbox, model, dialect.chat)
    unbounded = bool(content.pictures) and not dialect.chat.bounds_pictures
    return Facts(
        endpoint=PATH,
        kind="metered",
        model=model,
        stream=stream,
        input_tokens_max=bound + earlier.tokens,
        output_tokens_cap=jsonbody.optional_count(document, "max_output_tokens"),
        has_output=has_output,
        usage_wanted=True,
        service_tier=tier,
        premium_tier=tier in dialect.chat.premium_tiers,
        modalities=content.modalities | earlier.modalities,
        uses=uses_of(tools, content, earlier),
        input_unseen=earlier.unseen or content.unseen or toolbox.unseen or unbounded,
        server_calls_max=calls if units else 0,
        server_units=units,
        many_sellers=dialect.chat.many_sellers,
        document=document,
    )


def uses_of(tools: list[Any], content: Content, earlier: Earlier) -> Uses:
    """The tools and media of the call. What the provider keeps unseen may be anything; definitions
    of tools may be items of it too."""
    if content.named:
        return UNKNOWN
    files = {DOCUMENT} if content.files else set()
    return union(of_tools(tools, (content.modalities | files) - {"text"}), earlier.uses)


def input_tokens_max(
    body: bytes,
    document: dict[str, Any],
    content: Content,
    toolbox: Toolbox,
    model: str,
    chat: Dialect = OPENAI.chat,
) -> int:
    """Most input tokens of what was sent: see tokens.py; a schema of the answer is a tool."""
    text = jsonbody.optional_object(document, "text")
    schema = bool(jsonbody.optional_object(text, "format").get("schema"))
    bound = chat.preamble_tokens + tokens.request_tokens_max(
        body,
        messages=content.items + 1,
        tools=toolbox.count + schema,
        image_bytes=sum(content.pictures),
        images=len(content.pictures) if chat.bounds_pictures else 0,
        model=model,
    )
    return bound if chat.byte_level else bound + tokens.normal_form_bytes(document)


def write_grant(body: bytes, facts: Facts, grant: Grant) -> bytes:
    """The body with what was granted in it; `body` itself where nothing changes."""
    changes: dict[str, Any] = {}
    cap, asked = grant.output_tokens_cap, facts.document.get("max_output_tokens")
    if cap is not None and (asked is None or asked > cap):
        changes["max_output_tokens"] = cap
    calls, limit = grant.server_calls_max, facts.document.get("max_tool_calls")
    if calls is not None and facts.server_units and (limit is None or limit > calls):
        changes["max_tool_calls"] = calls
    if facts.many_sellers and grant.usd_per_mtok is not None:
        changes["provider"] = openai_sellers.limited(facts.document, grant.usd_per_mtok)
    return changed(body, facts.document, changes)


def refuse_options(
    document: dict[str, Any],
    model: str,
    dialect: ResponsesDialect = OPENAI,
    more: frozenset[str] = frozenset(),
) -> None:
    """Raises Refused (403) for an option that is not known, or asks for what is not metered."""
    dialect.chat.refuse_model(model)
    if dialect.chat.lax_keys:
        refuse_other_spellings(document)
    for key, value in document.items():
        known = dialect.options is None or key in dialect.options or key in more
        if not known and value is not None:
            named = f" (`{key}`)" if _SHOWABLE.match(key) else ""
            raise jsonbody.not_metered(f"An option that is not known here{named}")
    dialect.chat.refuse_values(document)
    if dialect.chat.many_sellers:
        openai_sellers.max_price(document)
    for key in () if dialect.keeps else ("previous_response_id", "conversation"):
        if document.get(key) is not None:
            raise jsonbody.not_metered(f"Going on from what this host keeps (`{key}`)")
    # A list of items there would be input that nobody has read.
    jsonbody.optional_string(document, "instructions")
    if jsonbody.optional_bool(document, "background"):
        raise jsonbody.not_metered("An answer made in the background (`background`)")
    mode = jsonbody.optional_object(document, "reasoning").get("mode")
    if mode not in (None, "standard"):
        raise jsonbody.not_metered("Reasoning in another mode than the standard one")
    ttl = jsonbody.optional_object(document, "prompt_cache_options").get("ttl")
    if ttl not in (None, "30m"):
        raise jsonbody.not_metered("A prompt cache that lives longer than 30 minutes")


def _refuse_hosted(content: Content, toolbox: Toolbox, dialect: ResponsesDialect) -> None:
    """Raises Refused (403) for what a host does for a fee of its own."""
    if toolbox.units and dialect.tools == "client":
        raise jsonbody.not_metered("A tool that the provider runs itself")
    if content.files and not dialect.files:
        raise jsonbody.not_metered("A file")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a call goes on from: nothing, an answer that was seen, or what nobody here saw."""

    named: bool = False
    unseen: bool = False
    tokens: int = 0
    modalities: frozenset[str] = frozenset()
    uses: Uses | None = TEXT


def earlier_turns(call: Call, document: dict[str, Any], model: str) -> Earlier:
    """What is read beside the request itself.

    An answer stands for all that was sent and generated up to it. What was sent is bounded by its
    bytes in each turn, what was generated was counted; tools and instructions are not carried
    over. A picture counts otherwise for another model, so the answer must be the same model's.
    """
    previous = document.get("previous_response_id")
    if document.get("conversation") is not None or not isinstance(previous, str | None):
        return Earlier(named=True, unseen=True, uses=None)
    if previous is None:
        return Earlier()
    seen = call.earlier.get(previous)
    if seen is None or seen.tokens is None or seen.model != model:
        return Earlier(named=True, unseen=True, uses=seen.uses if seen else None)
    return Earlier(True, False, seen.tokens, seen.modalities, seen.uses)
