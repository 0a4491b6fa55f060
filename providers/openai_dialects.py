"""The dialects of Chat Completions, host by host; data only.

Owns: this table. Refuses to know: how a dialect is applied (openai_dialect.py, openai_chat.py).
Above each entry stand the addresses of the documents it follows.

Open models come with chat templates that add a system prompt of their own, up to some hundred
tokens in all that are published; PREAMBLE is several times the longest of them.
"""

from __future__ import annotations

import re
from decimal import Decimal

from providers import openai_tiers
from providers.fields import Row
from providers.openai_dialect import COSTLY, HARMLESS, Dialect
from providers.openai_usage import USAGE, Amount, UsageShape

PREAMBLE = 1024

# What a total holds beyond its parts was generated unseen: some hosts leave reasoning out of
# `completion_tokens`.
_REST = Row("output_tokens", ("total_tokens",), less=(("prompt_tokens",), ("completion_tokens",)))
_TOTAL = UsageShape((*USAGE, _REST))


def _replaced(*rows: Row) -> tuple[Row, ...]:
    """OpenAI's table with other rows for the same units."""
    ours = {row.dest for row in rows}
    return (*(row for row in USAGE if row.dest not in ours), *rows)


OPENAI = Dialect(
    name="openai",
    # These models search the web on every call, for a fee that the usage object does not show.
    models_refused=re.compile(r"-search-(preview|api)(-|$)"),
    only={"service_tier": openai_tiers.KNOWN},
    premium_tiers=openai_tiers.PREMIUM,
    refused={key: what for key, what in COSTLY.items() if key != "audio"},
    hears=True,
    bounds_pictures=True,
    byte_level=True,
)

# Whatever says that it is compatible. All such servers heed the older cap; the newer one, as in
# https://huggingface.co/docs/inference-providers/tasks/chat-completion, not all do.
COMPATIBLE = Dialect(
    name="compatible",
    caps=("max_tokens",),
    usage=_TOTAL,
    options=HARMLESS,
    only={"service_tier": ("default",)},
    preamble_tokens=PREAMBLE,
)

# A server of one's own bills nothing, so its options are its owner's business.
LOCAL = Dialect(
    name="local",
    caps=("max_tokens", "max_completion_tokens"),
    usage=_TOTAL,
    refused={},
    tool_types=None,
    bounds_pictures=True,
    lax_keys=True,
)

# https://learn.microsoft.com/azure/ai-foundry/openai/reference-preview-latest
# Its `priority` is dearer; whose prices a deployment has, says nothing of its tiers.
AZURE = Dialect(
    name="azure",
    refused={**COSTLY, "data_sources": "Azure's search in data of one's own"},
    models_refused=OPENAI.models_refused,
    only={"service_tier": openai_tiers.STANDARD},
    bounds_pictures=True,
    byte_level=True,
)

# https://console.groq.com/docs/api-reference#chat-create (usage comes in the last chunk's `x_groq`)
# https://console.groq.com/docs/compound (systems that search and run code, billed by the use)
GROQ = Dialect(
    name="groq",
    asks_usage=False,
    usage=UsageShape(places=(("usage",), ("x_groq", "usage"))),
    options=HARMLESS
    | {"citation_options", "disable_tool_validation", "documents"}
    | {"include_reasoning", "reasoning_format"},
    # https://console.groq.com/docs/service-tiers: flex costs what on_demand costs.
    only={"service_tier": ("on_demand", "flex")},
    models_refused=re.compile(r"(^|/)compound"),
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://api-docs.deepseek.com/api/create-chat-completion
DEEPSEEK = Dialect(
    name="deepseek",
    caps=("max_tokens",),
    usage=UsageShape(
        _replaced(
            Row(
                "cache_read_tokens",
                ("prompt_cache_hit_tokens",),
                part_of="input_tokens",
                or_path=("prompt_tokens_details", "cached_tokens"),
            )
        )
    ),
    options=HARMLESS | {"thinking"},
    only={"service_tier": ()},
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://docs.mistral.ai/api/#tag/chat/operation/chat_completion_v1_chat_completions_post
# It refuses options that it does not know, `stream_options` among them; usage comes by itself.
# Not listed: `safe_prompt` and `prompt_mode`, which put a prompt of Mistral's own before the text.
MISTRAL = Dialect(
    name="mistral",
    caps=("max_tokens",),
    asks_usage=False,
    usage=_TOTAL,
    options=HARMLESS
    | {"random_seed", "min_tokens", "prompt_logprobs", "top_prompt_logprobs", "safe_prompt"},
    only={"safe_prompt": (False,), "service_tier": ("standard_only",)},
    tool_types=("function",),
    text_parts=("text", "refusal", "thinking", "reference"),
    preamble_tokens=PREAMBLE,
)

# https://docs.x.ai/docs/api-reference#chat-completions; what a tick is:
# https://docs.x.ai/docs/key-information/consumption-and-rate-limits
# The cap holds reasoning too, but `completion_tokens` leaves it out.
XAI = Dialect(
    name="xai",
    usage=UsageShape(
        (*USAGE, Row("output_tokens", ("completion_tokens_details", "reasoning_tokens"))),
        cost=(Amount(("cost_in_usd_ticks",), Decimal("1e-10")),),
    ),
    options=HARMLESS | {"deferred"},
    refused={**COSTLY, "search_parameters": "Live search"},
    # Several agents at once, each billed.
    models_refused=re.compile(r"multi-agent"),
    # A deferred answer is fetched later, by a call that is not this one.
    only={"deferred": (False,), "service_tier": ("default",)},
    tool_types=("function",),
    preamble_tokens=4 * PREAMBLE,
)

# https://docs.together.ai/reference/chat-completions-1 (usage comes in the last chunk by itself)
TOGETHER = Dialect(
    name="together",
    caps=("max_tokens",),
    with_cap={"context_length_exceeded_behavior": "truncate"},
    asks_usage=False,
    usage=_TOTAL,
    options=HARMLESS
    | {"chat_template_kwargs", "compliance", "context_length_exceeded_behavior", "reasoning"},
    only={"service_tier": ()},
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://docs.fireworks.ai/api-reference/post-chatcompletions (usage comes in the last chunk)
FIREWORKS = Dialect(
    name="fireworks",
    caps=("max_tokens", "max_completion_tokens"),
    asks_usage=False,
    usage=_TOTAL,
    options=HARMLESS
    | {"context_length_exceeded_behavior", "ignore_eos", "mirostat_lr", "mirostat_target"}
    | {"perf_metrics_in_response", "prompt_cache_isolation_key", "prompt_truncate_len"}
    | {"raw_output", "reasoning_history", "return_token_ids", "safe_tokenization", "thinking"},
    # All but `priority` are served as the default is.
    only={"service_tier": ("auto", "default", "flex")},
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://openrouter.ai/docs/api-reference/chat-completion, /docs/use-cases/usage-accounting
# One model has many sellers: https://openrouter.ai/docs/features/provider-routing#max-price
# Not listed, for they choose another model or add services: models, route, plugins, preset.
OPENROUTER = Dialect(
    name="openrouter",
    caps=("max_tokens", "max_completion_tokens"),
    asks_usage=False,
    usage=UsageShape(
        cost=(
            Amount(("cost",)),
            Amount(("cost_details", "upstream_inference_cost"), only_if="is_byok"),
        )
    ),
    options=HARMLESS
    | {"cache_control", "include_reasoning", "provider", "reasoning", "session_id"}
    | {"structured_outputs", "top_a", "trace", "usage"},
    only={"service_tier": ("default",)},
    # Web search, routers that pick a model, and stored settings of the account.
    models_refused=re.compile(r":online$|^openrouter/|^~|@preset"),
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
    many_sellers=True,
)

# https://inference-docs.cerebras.ai/api-reference/chat-completions
CEREBRAS = Dialect(
    name="cerebras",
    usage=_TOTAL,
    options=HARMLESS
    | {"clear_thinking", "disable_reasoning", "min_completion_tokens", "min_tokens"}
    | {"reasoning_format"},
    only={"service_tier": ("default",)},
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://docs.perplexity.ai/api-reference/chat-completions-post (usage so far, in every chunk)
# https://docs.perplexity.ai/getting-started/pricing: a fee per request by the size of the search,
# of which the catalogue holds the dearest; Pro Search costs more, deep research has no bound.
PERPLEXITY = Dialect(
    name="perplexity",
    searches=True,
    caps=("max_tokens",),
    asks_usage=False,
    usage=UsageShape(
        (
            Row("input_tokens", ("prompt_tokens",), required=True),
            Row("output_tokens", ("completion_tokens",), required=True),
            Row("output_tokens", ("reasoning_tokens",)),
            Row("output_reasoning_tokens", ("reasoning_tokens",), part_of="output_tokens"),
        ),
        cost=(Amount(("cost", "total_cost")),),
    ),
    options=HARMLESS
    | {"country", "disable_search", "enable_search_classifier", "language_preference"}
    | {"image_domain_filter", "image_format_filter", "latitude", "longitude", "return_images"}
    | {"last_updated_after_filter", "last_updated_before_filter", "safe_search"}
    | {"search_after_date_filter", "search_before_date_filter", "search_domain_filter"}
    | {"search_language_filter", "search_mode", "search_recency_filter", "web_search_options"},
    refused={key: what for key, what in COSTLY.items() if key != "web_search_options"},
    only={"service_tier": (), "web_search_options.search_type": ("fast",)},
    models_refused=re.compile(r"deep-research|pro-search|^perplexity/"),
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://platform.kimi.ai/docs/api/chat: `max_tokens` is deprecated; a stream tells its usage as
# OpenAI does if asked to (`stream_options`), and in its last choice if not.
MOONSHOT = Dialect(
    name="moonshot",
    caps=("max_completion_tokens", "max_tokens"),
    usage=UsageShape(
        _replaced(
            Row(
                "cache_read_tokens",
                ("prompt_tokens_details", "cached_tokens"),
                part_of="input_tokens",
                or_path=("cached_tokens",),
            )
        ),
        places=(("usage",), ("choices", 0, "usage")),
    ),
    options=HARMLESS | {"thinking"},
    only={"service_tier": ()},
    # `builtin_function` is Moonshot's own web search.
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# No reference is published; it is OpenAI's API in front of several makers' models.
# https://docs.github.com/copilot/reference/copilot-billing/models-and-pricing
COPILOT = Dialect(
    name="copilot",
    caps=("max_tokens", "max_completion_tokens"),
    usage=_TOTAL,
    options=HARMLESS,
    only={"service_tier": ()},
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

# https://ai.google.dev/gemini-api/docs/openai (thoughts are in the total alone)
# Not listed: `extra_body`, which may name cached content that is not in the request.
GOOGLE = Dialect(
    name="google",
    caps=("max_tokens", "max_completion_tokens"),
    usage=_TOTAL,
    options=HARMLESS,
    only={"service_tier": ()},
    models_refused=re.compile(r"image|tts|live|audio|omni|banana"),
    tool_types=("function",),
    preamble_tokens=PREAMBLE,
)

DIALECTS = (
    *(OPENAI, AZURE, GROQ, DEEPSEEK, MISTRAL, XAI, TOGETHER, FIREWORKS, OPENROUTER, CEREBRAS),
    *(PERPLEXITY, MOONSHOT, COPILOT, GOOGLE, COMPATIBLE, LOCAL),
)
