"""What the price catalogue does not say about models: their longest answer, and what they hide.

Owns: a few small tables. Refuses to know: prices.
Each model's page names its maximum: https://platform.openai.com/docs/models (one page per model),
https://ai.google.dev/gemini-api/docs/models,
https://platform.claude.com/docs/en/about-claude/models/overview (one table),
https://docs.cohere.com/docs/models
Rows were held against LiteLLM's list of November 2026 (its `max_output_tokens`), those of models
of sound against OpenAI's own pages, which have them as they stand here. (LiteLLM's list gives one
date of gpt-realtime-mini four times the window of its page.)

A reserve starts from the longest answer where a request sets no cap. A wrong row is not a hole:
whatever cap is granted is written into the request, so the provider holds it; too low a row only
shortens answers, too high a row makes the provider refuse the call. (Where the API has no field for
a cap, as for a compaction, the row is the bound itself.) A window stands here only where
the catalogue has none; it bounds what a prompt may be billed as, so it must not be too low.
"""

from __future__ import annotations

import re

_PROVIDERS = ("openai", "azure")
_GOOGLE = ("google", "google-vertex")

_Limits = tuple[tuple[re.Pattern[str], int | None], ...]

# First match wins, so the narrow names come first; None: not published. `ft:` models have the
# limits of their base models.
_MAX_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"gpt-3\.5-turbo", 4_096),
        (r"gpt-4-32k", 32_768),
        (r"gpt-4-(turbo|vision|1106|0125)", 4_096),
        (r"gpt-4(-0314|-0613)?$", 8_192),
        (r"gpt-4o-2024-05-13$", 4_096),
        (r"gpt-4o(-mini)?-transcribe", 2_000),
        (r"gpt-4o-mini-tts", None),
        (r"gpt-4o(-mini)?-realtime|gpt-realtime(-1\.5|-mini)?(-20\d\d|$)", 4_096),
        (r"gpt-realtime-2", 32_000),
        (r"gpt-audio", 16_384),
        (r"gpt-4o|chatgpt-4o|gpt-4\.5", 16_384),
        (r"gpt-4\.1", 32_768),
        (r"o1-preview", 32_768),
        (r"o1-mini", 65_536),
        (r"o[134](-|$)|codex-mini", 100_000),
        (r"gpt-5(\.\d+)?-chat", 16_384),
        (r"gpt-5-pro", 272_000),
        (r"gpt-[56]", 128_000),
    )
)

# Gemini 4 may go on to the end of its window; 65,536 is what its guide recommends. Vertex AI takes
# one token less than the Gemini API from some models.
_GEMINI_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"gemini-1\.0-pro-vision", 2_048),
        (r"gemini-(1\.0-)?pro$", 2_048),
        (r"gemini-(1\.5|(pro|flash)-1\.5)", 8_192),
        (r"gemini-2\.0-flash-thinking", 65_535),
        (r"gemini-2\.0", 8_192),
        (r"gemini-(2\.5|[34](\.\d)?)-(pro|flash|argon|carbon)", 65_535),
        (r"gemini-(pro|flash|flash-lite)-latest$", 65_535),
        (r"gemini-robotics-er", 65_535),
    )
)
_GEMINI_WINDOWS = re.compile(r"gemini-(2\.5-pro|3(\.1)?-pro|pro-latest)(-|$)")
_GEMINI_SHOWS_ALL = re.compile(r"gemini-(1\.|(pro|flash)-1\.5|pro$|2\.0-flash(?!-thinking))")
# https://console.groq.com/docs/models
_GROQ_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"llama-3\.1-8b-instant$", 131_072),
        (r"llama-3\.3-70b-versatile$", 32_768),
        (r"meta-llama/llama-4-", 8_192),
        (r"meta-llama/llama-guard-4-", 1_024),
        (r"openai/gpt-oss-", 65_536),
        (r"qwen/qwen3-32b$", 40_960),
        (r"qwen/qwen3\.8-27b$", 16_384),
        (r"moonshotai/kimi-k2", 16_384),
    )
)

# Open models whose weights are known not to reason in hiding, at hosts that serve them as they are.
_SERVE_AS_IT_IS = ("groq", "together", "fireworks", "cerebras")
_LLAMA = re.compile(r"(.*/)?(meta-)?llama-?v?[234]", re.IGNORECASE)

_CLAUDE_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"claude-(v?[12]|instant)", 4_096),
        (r"claude-3-7-", 64_000),
        (r"claude-3-5-", 8_192),
        (r"claude-3-", 4_096),
        (r"claude-opus-4-[678]|claude-sonnet-4-6", 128_000),
        (r"claude-(opus|sonnet|haiku)-4-5", 64_000),
        (r"claude-opus-4(-[01]|-20|@|$)", 32_000),
        (r"claude-sonnet-4(-0|-20|@|$)", 64_000),
        (r"claude-(fable|mythos|opus|sonnet|haiku)-(5|preview)", 128_000),
    )
)
# A larger `max_tokens` than the model's own is taken as that, so round numbers may be rounded up.
_COHERE_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"command-a-reasoning", 32_768),
        (r"command-a-plus", 64_000),
        (r"command-a", 8_192),
        (r"command|c4ai-aya", 4_096),
    )
)

# https://docs.aws.amazon.com/bedrock/latest/userguide/model-cards.html (one page per model). The
# maker's name stands before the model's, and a region may stand before that.
_BEDROCK_OUTPUT_TOKENS = tuple(
    (re.compile(rf"(?:[a-z-]+\.)?{pattern}"), tokens)
    for pattern, tokens in (
        (r"amazon\.nova-2-", 64_000),
        (r"amazon\.nova-", 10_000),
        (r"amazon\.titan-text-express", 8_000),
        (r"amazon\.titan-text-lite", 4_000),
        (r"deepseek\.r1", 8_192),
        (r"meta\.llama3-(8|70)b-", 2_048),
        (r"meta\.llama3-", 4_096),
        (r"meta\.llama4-", 8_192),
        (r"mistral\.pixtral-large-2502", 16_384),
        (r"mistral\.(magistral|mistral-large-3|devstral)", 32_000),
        (r"mistral\.(mistral-(7b|small-2402|large-2402)|mixtral)", 4_096),
        (r"mistral\.", 8_000),
        (r"openai\.gpt-oss", 16_000),
        (r"openai\.gpt-[56]", 128_000),
        (r"(deepseek\.v3|minimax\.)", 8_000),
        (r"moonshot(ai)?\.kimi-k2", 16_000),
        (r"(moonshotai\.kimi-k3|zai\.glm)", 128_000),
        (r"nvidia\.nemotron-super", 32_000),
        (r"qwen\.qwen3-coder", 16_000),
        (r"(google\.gemma-3|nvidia\.nemotron-nano|qwen\.qwen3-)", 8_000),
        (r"writer\.palmyra-x", 8_192),
        (r"cohere\.command", 4_000),
    )
)

# https://platform.openai.com/docs/models/gpt-realtime-mini, .../gpt-realtime-2.1-mini: 32,000 and
# 128,000, which may be round for this.
_REALTIME_WINDOWS = (
    (re.compile(r"gpt-realtime-mini(-20\d\d|$)"), 32_768),
    (re.compile(r"gpt-realtime-2\.1-mini(-20\d\d|$)"), 131_072),
)
_SHOWS_ALL_OUTPUT = re.compile(r"gpt-3\.5-|gpt-4(-|$)|gpt-4o(-|$)|gpt-4\.1(-|$)")


_OTHER_TABLES = {
    "groq": _GROQ_OUTPUT_TOKENS,
    "anthropic": _CLAUDE_OUTPUT_TOKENS,
    "cohere": _COHERE_OUTPUT_TOKENS,
    **dict.fromkeys(_GOOGLE, _GEMINI_OUTPUT_TOKENS),
}


def max_output_tokens(provider: str, model: str) -> int | None:
    """The model's published maximum of output tokens per choice, None where it is not known."""
    table: _Limits = _OTHER_TABLES.get(provider, ())
    name = model.removeprefix("ft:")
    if provider in _GOOGLE and name.startswith("claude-"):
        table = _CLAUDE_OUTPUT_TOKENS
    elif provider in _PROVIDERS:
        table = _MAX_OUTPUT_TOKENS
    elif provider == "aws":
        name = name[max(name.find("claude-"), 0) :]
        table = _CLAUDE_OUTPUT_TOKENS if name.startswith("claude-") else _BEDROCK_OUTPUT_TOKENS
    return next((tokens for pattern, tokens in table if pattern.match(name)), None)


def context_window(provider: str, model: str) -> int | None:
    """The window of a model that the catalogue has none for, None where it is not known here."""
    if provider in _GOOGLE and _GEMINI_WINDOWS.match(model):
        return 1_048_576
    windows = _REALTIME_WINDOWS if provider in _PROVIDERS else ()
    return next((tokens for pattern, tokens in windows if pattern.match(model)), None)


def may_hide_output(provider: str, model: str) -> bool:
    """True unless the model is known to bill no output token that it does not send.

    Reasoning models bill tokens that never reach the client, so that what was delivered does not
    bound the bill; a model that is not known is taken for one of them.
    """
    if provider in _GOOGLE:
        return not _GEMINI_SHOWS_ALL.match(model)
    if provider in _SERVE_AS_IT_IS:
        return not _LLAMA.match(model)
    name = model.removeprefix("ft:")
    return provider not in _PROVIDERS or not _SHOWS_ALL_OUTPUT.match(name)
