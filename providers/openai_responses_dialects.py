"""Responses at hosts other than OpenAI: what may be asked there, and how they tell their usage.

Owns: this table, and the shape of a row. Refuses to know: how a row is applied
(openai_responses.py), and what a host has in common with its Chat Completions: models, tiers,
vocabularies and stated costs are those of openai_dialects.py.
Above each row stands the address of the document it follows.

A compatible host may be asked only what is known to be harmless there: the options below, and tools
that the client runs. What a host runs itself has prices that no request bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from providers import openai_dialects
from providers.fields import Row
from providers.openai_dialect import Dialect
from providers.openai_usage import UsageShape

# https://developers.openai.com/api/reference/resources/responses (the `usage` of a response)
USAGE = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row(
        "cache_read_tokens",
        ("input_tokens_details", "cached_tokens"),
        part_of="input_tokens",
    ),
    Row(
        "cache_write_tokens",
        ("input_tokens_details", "cache_write_tokens"),
        part_of="input_tokens",
    ),
    Row("output_tokens", ("output_tokens",), required=True),
    Row(
        "output_reasoning_tokens",
        ("output_tokens_details", "reasoning_tokens"),
        part_of="output_tokens",
    ),
)
# Some count as their chat does; and what a total holds beyond its parts was generated unseen.
_HOSTED_USAGE = (
    Row("input_tokens", ("input_tokens",), or_path=("prompt_tokens",), required=True),
    Row("output_tokens", ("output_tokens",), or_path=("completion_tokens",), required=True),
    Row("output_tokens", ("total_tokens",), less=(("input_tokens",), ("output_tokens",))),
    *(row for row in USAGE if not row.required),
)

_HOSTED_SHAPE = UsageShape(_HOSTED_USAGE)

OPTIONS = frozenset(
    (
        *("background", "client_metadata", "conversation", "image", "include", "input"),
        *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "model"),
        *("parallel_tool_calls", "previous_response_id", "prompt_cache_key"),
        *("prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier"),
        *("service_tier", "store", "stream", "stream_options", "temperature", "text"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"),
    )
)
# https://www.openresponses.org/reference, and what open models' servers add. They shape the answer.
HOSTED = (OPTIONS - {"image", "prompt_cache_options"}) | {
    *("frequency_penalty", "presence_penalty", "repetition_penalty", "top_k", "min_p", "seed"),
    *("stop", "logprobs"),
}


@dataclass(frozen=True, slots=True)
class ResponsesDialect:
    """One host's way of Responses.

    chat:    what it has in common with the host's Chat Completions.
    options: those that pass; None: all.
    tools:   whose may be asked for: `all` that OpenAI's prices cover, those that the `client` runs,
             or `any`, for it costs nothing.
    keeps:   it keeps answers, so that a call can go on from one.
    files:   it reads files as OpenAI does, within the window and without a fee.
    usage:   how a response states its usage.
    """

    chat: Dialect
    options: frozenset[str] | None = HOSTED
    tools: Literal["all", "client", "any"] = "client"
    keeps: bool = False
    files: bool = False
    usage: UsageShape = _HOSTED_SHAPE

    @property
    def name(self) -> str:
        """The format's."""
        return f"{self.chat.name}_responses"


OPENAI = ResponsesDialect(
    openai_dialects.OPENAI, OPTIONS, tools="all", keeps=True, files=True, usage=UsageShape(USAGE)
)


def _stating_cost(chat: Dialect) -> UsageShape:
    return UsageShape(_HOSTED_USAGE, cost=chat.usage.cost)


HOSTED_DIALECTS = (
    # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses: OpenAI's own, but its
    # searches have other fees.
    replace(OPENAI, chat=openai_dialects.AZURE, tools="client"),
    # https://console.groq.com/docs/responses-api (keeps nothing)
    ResponsesDialect(openai_dialects.GROQ),
    # https://api-docs.deepseek.com/guides/responses_api (keeps nothing)
    ResponsesDialect(openai_dialects.DEEPSEEK),
    # https://docs.x.ai/docs/guides/chat (kept for 30 days), and developers/cost-tracking
    ResponsesDialect(openai_dialects.XAI, keeps=True, usage=_stating_cost(openai_dialects.XAI)),
    # https://docs.together.ai/docs/inference/responses (keeps nothing yet)
    ResponsesDialect(openai_dialects.TOGETHER),
    # https://docs.fireworks.ai/api-reference/post-responses
    ResponsesDialect(openai_dialects.FIREWORKS, keeps=True),
    # https://openrouter.ai/docs/api/api-reference/responses/create-a-response (keeps nothing)
    ResponsesDialect(
        openai_dialects.OPENROUTER,
        options=HOSTED | {"provider", "session_id", "trace"},
        usage=_stating_cost(openai_dialects.OPENROUTER),
    ),
    # No reference is published; it is OpenAI's API for OpenAI's models.
    ResponsesDialect(openai_dialects.COPILOT),
    ResponsesDialect(openai_dialects.COMPATIBLE),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html,
    # https://lmstudio.ai/docs/developer/openai-compat/responses, https://docs.ollama.com/openai
    ResponsesDialect(openai_dialects.LOCAL, options=None, tools="any", keeps=True, files=True),
)
