"""Amazon Bedrock's InvokeModel: `POST /model/{id}/invoke` and `/invoke-with-response-stream`.

Owns: what such a request may cost, and the changes AEX makes to it. Refuses to know: prices,
budgets. A body is the model's own: Claude's is read by anthropic_hosted.py, Nova's as Converse's,
prompts by the rows of bedrock_families.py; answers are counted in bedrock_invoke_meter.py.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html

Fails closed: a model without a known body is refused, and so is a key that a body is not known to
have. Input is bounded as in Converse. Options that Converse has in its body stand in headers here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from providers import anthropic_hosted, bedrock_errors, jsonbody
from providers.anthropic_meter import MessageMeter
from providers.anthropic_meter import StreamMeter as ClaudeStream
from providers.anthropic_tokens import framing_tokens_max, text_tokens_max
from providers.bedrock_converse import CACHE_WRITES, hides_output, read_conversation
from providers.bedrock_families import Family, family_of, read_cap, read_chat, with_cap
from providers.bedrock_invoke_meter import InvokeMeter, InvokeStreamMeter
from providers.bedrock_meter import converse_usage, stated
from providers.bedrock_options import dear_tier, read_options, refuse_betas
from providers.bedrock_regions import surcharge
from providers.bedrock_route import Target, target
from providers.eventstream import CONTENT_TYPE
from providers.fields import extract
from providers.media_type import is_stream
from providers.rewriting import written
from providers.uses import of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

ACTIONS = ("invoke", "invoke-with-response-stream")

_PREFIX = "x-amzn-bedrock-"
_CLAUDE, _NOVA = "anthropic.claude", "amazon.nova-"
_NOVA_CAPS = ("maxTokens", "max_new_tokens")


class BedrockInvoke:
    """The wire format; stateless, one instance."""

    name = "bedrock_invoke"

    def claims(self, call: Call) -> bool:
        """POST to one of the two actions of a model."""
        found = target(call)
        return call.method == "POST" and found is not None and found.action in ACTIONS

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        found = target(call)
        if found is None:
            raise LookupError(f"{call.path} is none of a model's")
        model, document = found.model(), jsonbody.parse_object(call.body)
        if call.headers.get(f"{_PREFIX}guardrailidentifier"):
            raise jsonbody.not_metered("A guardrail")
        latency, tier = (
            call.headers.get(_PREFIX + name)
            for name in ("performanceconfig-latency", "service-tier")
        )
        dear = dear_tier(latency, tier)
        if _CLAUDE in model:
            facts = _read_claude(call, model, document)
        elif _NOVA in model:
            facts = _read_nova(call, found, model, document)
        else:
            facts = _read_prompt(call, model, document)
        return replace(
            facts,
            endpoint=found.endpoint,
            stream=found.streams,
            service_tier=facts.service_tier
            if facts.premium_tier
            else dear or surcharge(call.host, model),
            premium_tier=facts.premium_tier or dear is not None,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        if not facts.has_output or cap is None or (asked is not None and asked <= cap):
            return call.body
        model = facts.model or ""
        if _CLAUDE in model:
            document = anthropic_hosted.with_grant(call, model, facts.document, Grant(cap))
        elif _NOVA in model:
            document = _cap_nova(facts.document, cap)
        else:
            family = family_of(model)
            assert family is not None, "read() has found one"
            document = with_cap(family.cap, facts.document, cap)
        return written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of frames for a stream, else a JSON meter. Errors are always JSON."""
        model = facts.model or ""
        if is_stream(facts, status, content_type, CONTENT_TYPE):
            return InvokeStreamMeter(facts, ClaudeStream(facts) if _CLAUDE in model else None)
        return InvokeMeter(
            facts, lambda document: _told(facts, model, document), body_first=_CLAUDE in model
        )

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Bedrock's error."""
        return bedrock_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Bedrock's exception frame."""
        return bedrock_errors.error_event(denial)


BEDROCK_INVOKE = BedrockInvoke()


def _read_claude(call: Call, model: str, document: dict[str, Any]) -> Facts:
    if document.get("anthropic_beta") is not None:
        refuse_betas(document["anthropic_beta"])
    facts = anthropic_hosted.read(call, model, document, in_path=("model", "stream"))
    if facts.server_calls_max != 0:
        raise jsonbody.not_metered("A tool that the provider runs itself")
    return facts


def _read_nova(call: Call, found: Target, model: str, document: dict[str, Any]) -> Facts:
    """Nova's own body is that of Converse, but for a few names."""
    config = jsonbody.optional_object(document, "inferenceConfig")
    fields = {
        "inferenceConfig": {"topK": config.get("topK", config.get("top_k"))},
        **{key: document[key] for key in ("reasoningConfig",) if key in document},
    }
    options = read_options(
        {
            **{
                key: document[key] for key in document.keys() - {"schemaVersion", "reasoningConfig"}
            },
            "additionalModelRequestFields": fields,
        }
    )
    caps = [jsonbody.optional_count(config, key) for key in _NOVA_CAPS]
    return read_conversation(
        call,
        document,
        model=model,
        endpoint=found.endpoint,
        stream=found.streams,
        options=options,
        cap=max((cap for cap in caps if cap is not None), default=None),
    )


def _cap_nova(document: dict[str, Any], cap: int) -> dict[str, Any]:
    config = jsonbody.optional_object(document, "inferenceConfig")
    used = [key for key in _NOVA_CAPS if config.get(key) is not None] or [_NOVA_CAPS[0]]
    lowered = {key: min(cap, config.get(key) or cap) for key in used}
    return {**document, "inferenceConfig": {**config, **lowered}}


def _read_prompt(call: Call, model: str, document: dict[str, Any]) -> Facts:
    family = family_of(model)
    if family is None:
        raise jsonbody.not_metered("This model's own body, but through Converse,")
    if any(value is not None for key, value in document.items() if key not in family.keys):
        raise jsonbody.not_metered("A key that this model's body is not known to have")
    messages, parts, tools = read_chat(document) if family.chat else (1, 0, 0)
    input_max = text_tokens_max(call.body, document)
    input_max += framing_tokens_max(
        call.body, messages=messages, blocks=parts, members=0, tools=tools
    )
    return Facts(
        endpoint="",
        kind="metered",
        model=model,
        input_tokens_max=input_max,
        output_tokens_cap=read_cap(family, document),
        has_output=bool(family.cap),
        hidden_output=hides_output(model, None),
        usage_wanted=True,
        uses=of_tools(jsonbody.optional_list(document, "tools") if family.chat else ()),
        unbilled=CACHE_WRITES,
    )


def _told(facts: Facts, model: str, document: dict[str, Any]) -> Usage | None:
    """What a whole answer's body says of its usage."""
    if _CLAUDE in model:
        return _of_claude(facts, document)
    if _NOVA in model:
        return converse_usage(facts, document.get("usage"))
    family: Family | None = family_of(model)
    return stated(facts, extract(family.usage, document)) if family and family.usage else None


def _of_claude(facts: Facts, document: dict[str, Any]) -> Usage | None:
    meter = MessageMeter(facts)
    # An answer may hold what is no text; escaped, it is no worse than any other.
    meter.feed(json.dumps(document).encode("ascii"))
    usage = meter.reading().usage
    return None if usage is None else Usage(usage.counts, None, facts.service_tier)
