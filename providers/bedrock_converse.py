"""Amazon Bedrock's Converse: `POST /model/{id}/converse` and `/converse-stream`.

Owns: what such a request may cost, and the changes AEX makes to it. Refuses to know: prices,
budgets. Blocks are read in bedrock_content.py, options in bedrock_options.py, the answer is
counted in bedrock_meter.py.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

Input. Text is bounded as Claude's is (anthropic_tokens.py), whatever the model: a byte-level
vocabulary makes at most one token of a byte, so does one of SentencePiece with byte fallback, and
one without fallback makes at most one of a character; each of the text itself or of a normal form
of it. Frames around messages and tools are told for Claude alone; other models get the same.

`inferenceConfig.maxTokens` bounds all output of a call, thinking included.
"""

from __future__ import annotations

import re
from typing import Any

from providers import bedrock_errors, jsonbody
from providers.anthropic_tokens import framing_tokens_max, text_tokens_max
from providers.bedrock_content import Content, read_content
from providers.bedrock_meter import ConverseMeter, ConverseStreamMeter
from providers.bedrock_options import Options, read_options
from providers.bedrock_regions import surcharge
from providers.bedrock_route import target
from providers.claude_models import picture_tokens_max, thinks_unasked
from providers.eventstream import CONTENT_TYPE
from providers.media_type import is_stream
from providers.rewriting import written
from providers.uses import of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

ACTIONS = ("converse", "converse-stream")

CACHE_WRITES = frozenset(("cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"))
_HOUR = frozenset(("cache_write_1h_tokens",))
# These write into a cache only where a cache point says so; others may do it unasked.
_CACHES_WHEN_TOLD = re.compile(r"(?:^|\.)(?:anthropic|amazon|meta|mistral|cohere)\.")
# Models that send all that they bill, unless the request asks for thinking.
_SHOWS_ALL_OUTPUT = re.compile(
    r"(?:^|\.)(?:amazon\.(?:nova|titan)|meta\.llama[34]|cohere\.|google\.gemma"
    r"|mistral\.(?!magistral))"
)


class BedrockConverse:
    """The wire format; stateless, one instance."""

    name = "bedrock_converse"

    def claims(self, call: Call) -> bool:
        """POST to one of the two actions of a model."""
        found = target(call)
        return call.method == "POST" and found is not None and found.action in ACTIONS

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        found = target(call)
        if found is None:
            raise LookupError(f"{call.path} is none of a model's")
        document = jsonbody.parse_object(call.body)
        config = jsonbody.optional_object(document, "inferenceConfig")
        return read_conversation(
            call,
            document,
            model=found.model(),
            endpoint=found.endpoint,
            stream=found.streams,
            options=read_options(document),
            cap=jsonbody.optional_count(config, "maxTokens"),
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        if cap is None or (asked is not None and asked <= cap):
            return call.body
        config = jsonbody.optional_object(facts.document, "inferenceConfig")
        document = {**facts.document, "inferenceConfig": {**config, "maxTokens": cap}}
        return written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of frames for a stream, else a JSON meter. Errors are always JSON."""
        if is_stream(facts, status, content_type, CONTENT_TYPE):
            return ConverseStreamMeter(facts)
        return ConverseMeter(facts)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Bedrock's error."""
        return bedrock_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Bedrock's exception frame."""
        return bedrock_errors.error_event(denial)


BEDROCK_CONVERSE = BedrockConverse()


def read_conversation(
    call: Call,
    document: dict[str, Any],
    *,
    model: str,
    endpoint: str,
    stream: bool,
    options: Options,
    cap: int | None,
) -> Facts:
    """Facts of a conversation in Converse's form, wherever it stands. Raises Refused."""
    content = read_content(document)
    tools = _read_tools(content, jsonbody.optional_object(document, "toolConfig"))
    claude = "anthropic.claude" in model
    unseen = content.unseen or (content.pictures > 0 and not claude)
    input_max = text_tokens_max(call.body, document)
    if claude:
        input_max += content.pictures * picture_tokens_max(model) - content.picture_bytes
    input_max += framing_tokens_max(
        call.body,
        messages=content.messages,
        blocks=content.blocks,
        members=content.members,
        tools=tools or int(b'"toolResult"' in call.body),
    )
    dear = options.dear_tier
    return Facts(
        endpoint=endpoint,
        kind="metered",
        model=model,
        stream=stream,
        input_tokens_max=input_max,
        input_unseen=unseen,
        output_tokens_cap=cap,
        output_tokens_least=options.thinking_tokens + 1,
        hidden_output=hides_output(model, options.thinks),
        usage_wanted=True,
        service_tier=dear or surcharge(call.host, model),
        premium_tier=dear is not None,
        modalities=frozenset(content.modalities),
        uses=of_tools((), content.media, functions=_functions(document)),
        unbilled=_unbilled(model, content.cached, call.body),
        document=document,
    )


def hides_output(model: str, thinks: bool | None) -> bool | None:
    """Whether output may be billed and not sent; None where it is not known of the model."""
    if thinks:
        return True
    if "anthropic.claude" in model:
        return thinks is None and thinks_unasked(model)
    return False if _SHOWS_ALL_OUTPUT.search(model) else None


def _read_tools(content: Content, config: dict[str, Any]) -> int:
    """How many tools are defined. Raises Refused for those that AWS runs."""
    count = 0
    for tool in jsonbody.optional_list(config, "tools"):
        if not isinstance(tool, dict):
            raise jsonbody.bad_request("Each of `tools` must be an object.")
        kinds = {kind for kind, value in tool.items() if value is not None}
        if not kinds <= {"toolSpec", "cachePoint"}:
            raise jsonbody.not_metered("A tool that the provider runs itself")
        content.cached = content.cached or "cachePoint" in kinds
        count += "toolSpec" in kinds
    return count


def _functions(document: dict[str, Any]) -> list[Any]:
    tools = jsonbody.optional_list(jsonbody.optional_object(document, "toolConfig"), "tools")
    return [tool["toolSpec"] for tool in tools if tool.get("toolSpec") is not None]


def _unbilled(model: str, cached: bool, body: bytes) -> frozenset[str]:
    """Which cache writes cannot be billed."""
    if not cached:
        return CACHE_WRITES if _CACHES_WHEN_TOLD.search(model) else frozenset()
    # A TTL can be written otherwise only with escapes.
    return frozenset() if b'"1h"' in body or b"\\u" in body else _HOUR
