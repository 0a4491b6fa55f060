"""What the price catalogue does not say about models: their longest answer, and what they hide.

Owns: two small tables. Refuses to know: prices.
Each model's page names its maximum: https://platform.openai.com/docs/models (one page per model)

A reserve starts from the longest answer where a request sets no cap. A wrong row is not a hole:
whatever cap is granted is written into the request, so the provider holds it; too low a row only
shortens answers, too high a row makes the provider refuse the call.
"""

from __future__ import annotations

import re

_PROVIDERS = ("openai", "azure")

# First match wins, so the narrow names come first. `ft:` models have their base model's limits.
_MAX_OUTPUT_TOKENS = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"gpt-3\.5-turbo", 4_096),
        (r"gpt-4-32k", 32_768),
        (r"gpt-4-(turbo|vision|1106|0125)", 4_096),
        (r"gpt-4(-0314|-0613)?$", 8_192),
        (r"gpt-4o-2024-05-13$", 4_096),
        (r"gpt-4o|chatgpt-4o|gpt-4\.5", 16_384),
        (r"gpt-4\.1", 32_768),
        (r"o1-preview", 32_768),
        (r"o1-mini", 65_536),
        (r"o[134](-|$)|codex-mini", 100_000),
        (r"gpt-5(\.\d+)?-chat", 16_384),
        (r"gpt-5-pro", 272_000),
        (r"gpt-5", 128_000),
    )
)

_SHOWS_ALL_OUTPUT = re.compile(r"gpt-3\.5-|gpt-4(-|$)|gpt-4o(-|$)|gpt-4\.1(-|$)")


def max_output_tokens(provider: str, model: str) -> int | None:
    """The model's published maximum of output tokens per choice, None where it is not known."""
    if provider in _PROVIDERS:
        name = model.removeprefix("ft:")
        for pattern, tokens in _MAX_OUTPUT_TOKENS:
            if pattern.match(name):
                return tokens
    return None


def may_hide_output(provider: str, model: str) -> bool:
    """True unless the model is known to bill no output token that it does not send.

    Reasoning models bill tokens that never reach the client, so that what was delivered does not
    bound the bill; a model that is not known is taken for one of them.
    """
    name = model.removeprefix("ft:")
    return provider not in _PROVIDERS or not _SHOWS_ALL_OUTPUT.match(name)
