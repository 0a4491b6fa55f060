"""Published limits of models, by name."""

from __future__ import annotations

import pytest

from providers.model_limits import max_output_tokens, may_hide_output


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-3.5-turbo", 4_096),
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-4-turbo-2024-04-09", 4_096),
        ("gpt-4o", 16_384),
        ("gpt-4o-2024-05-13", 4_096),
        ("gpt-4o-mini-2024-07-18", 16_384),
        ("ft:gpt-4o-mini-2024-07-18:org::id", 16_384),
        ("gpt-4.1-nano", 32_768),
        ("o1", 100_000),
        ("o1-mini", 65_536),
        ("o3-mini-2025-01-31", 100_000),
        ("o4-mini", 100_000),
        ("gpt-5", 128_000),
        ("gpt-5.4-nano", 128_000),
        ("gpt-5-chat-latest", 16_384),
        ("gpt-5-pro", 272_000),
        ("something-else", None),
        ("gpt-4-some-day", None),
    ],
)
def test_limits_are_the_published_ones(model: str, tokens: int | None) -> None:
    """The narrowest row that names a model gives its limit, and an unknown model has none."""
    assert max_output_tokens("openai", model) == tokens
    assert max_output_tokens("elsewhere", model) is None


@pytest.mark.parametrize(
    ("model", "hides"),
    [
        ("gpt-3.5-turbo", False),
        ("gpt-4", False),
        ("gpt-4-turbo", False),
        ("gpt-4o", False),
        ("gpt-4o-mini", False),
        ("gpt-4.1-mini", False),
        ("ft:gpt-4o-mini-2024-07-18:org::id", False),
        ("o1", True),
        ("gpt-5", True),
        ("gpt-4.5-preview", True),
        ("gpt-40-omni", True),
        ("unheard-of", True),
    ],
)
def test_only_known_families_hide_nothing(model: str, hides: bool) -> None:
    """A model is taken to bill output it does not send, unless it is known not to."""
    assert may_hide_output("openai", model) is hides
    assert may_hide_output("elsewhere", model)
