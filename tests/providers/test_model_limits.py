"""Published limits of models, by name."""

from __future__ import annotations

import pytest

from providers.model_limits import context_window, max_output_tokens, may_hide_output


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
        ("gpt-6.1-sol", 128_000),
        ("something-else", None),
        ("gpt-4-some-day", None),
    ],
)
def test_limits_are_the_published_ones(model: str, tokens: int | None) -> None:
    """The narrowest row that names a model gives its limit, and an unknown model has none."""
    assert max_output_tokens("openai", model) == tokens
    assert max_output_tokens("elsewhere", model) is None


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-2.1", 4_096),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-haiku-latest", 8_192),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-sonnet-4-0", 64_000),
        ("claude-haiku-4-5", 64_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-opus-4-8", 128_000),
        ("claude-opus-5", 128_000),
        ("claude-fable-5-2", 128_000),
        ("claude-haiku-5-5", 128_000),
        ("claude-someday-5", None),
        ("gpt-4o", None),
    ],
)
def test_limits_of_claude(model: str, tokens: int | None) -> None:
    """Each generation has its own, and a model that no page names has none."""
    assert max_output_tokens("anthropic", model) == tokens
    assert may_hide_output("anthropic", model)


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("command-a-03-2025", 8_192),
        ("command-a-reasoning-08-2025", 32_768),
        ("command-a-plus-05-2026", 64_000),
        ("command-r7b-12-2024", 4_096),
        ("c4ai-aya-expanse-8b", 4_096),
        ("rerank-v3.5", None),
    ],
)
def test_coheres_limits(model: str, tokens: int | None) -> None:
    """Cohere takes a larger cap as its own maximum, so the rows may be rounded up."""
    assert max_output_tokens("cohere", model) == tokens


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


@pytest.mark.parametrize(
    ("model", "tokens", "hides"),
    [
        ("gemini-pro", 2_048, False),
        ("gemini-1.0-pro-vision-001", 2_048, False),
        ("gemini-1.5-flash-8b", 8_192, False),
        ("gemini-pro-1.5", 8_192, False),
        ("gemini-2.0-flash-001", 8_192, False),
        ("gemini-2.0-flash-thinking-exp", 65_535, True),
        ("gemini-2.5-flash-lite", 65_535, True),
        ("gemini-2.5-pro", 65_535, True),
        ("gemini-3-pro-preview", 65_535, True),
        ("gemini-3.8-flash", 65_535, True),
        ("gemini-4-argon", 65_535, True),
        ("gemini-flash-latest", 65_535, True),
        ("gemini-robotics-er-2-preview", 65_535, True),
        ("something-else", None, True),
    ],
)
def test_gemini_models_have_limits_of_their_own(
    model: str, tokens: int | None, hides: bool
) -> None:
    """At both of Google's hosts; a model that thinks shows summaries at the most."""
    for provider in ("google", "google-vertex"):
        assert max_output_tokens(provider, model) == tokens
        assert may_hide_output(provider, model) is hides
    assert max_output_tokens("openai", "gemini-2.5-pro") is None


def test_windows_stand_here_only_where_the_catalogue_has_none() -> None:
    """A million tokens for the Pro models; any other model's is the catalogue's word or none."""
    for model in ("gemini-2.5-pro", "gemini-3.1-pro-preview", "gemini-pro-latest"):
        assert context_window("google", model) == 1_048_576
        assert context_window("elsewhere", model) is None
    assert context_window("google", "gemini-2.5-process") is None
    assert context_window("google", "gemini-2.5-flash") is None


@pytest.mark.parametrize(
    ("model", "tokens", "hides"),
    [
        ("llama-3.3-70b-versatile", 32_768, False),
        ("meta-llama/llama-4-scout-17b-16e-instruct", 8_192, False),
        ("openai/gpt-oss-120b", 65_536, True),
        ("qwen/qwen3.8-27b", 16_384, True),
        ("moonshotai/kimi-k2-instruct-0905", 16_384, True),
        ("qwen/qwen3-32b", 40_960, True),
        ("unheard-of", None, True),
    ],
)
def test_limits_at_groq(model: str, tokens: int | None, hides: bool) -> None:
    """A host's own maximum holds; a model that does not reason bills no more than it sends."""
    assert max_output_tokens("groq", model) == tokens
    assert may_hide_output("groq", model) is hides


def test_llama_is_served_as_it_is_by_some() -> None:
    """What shows all its output at these hosts may be something else anywhere else."""
    assert not may_hide_output("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo")
    assert not may_hide_output("fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct")
    assert may_hide_output("together", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B")
    assert may_hide_output("openrouter", "meta-llama/llama-3.3-70b-instruct")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("us.amazon.nova-lite-v1:0", 10_000),
        ("us.anthropic.claude-haiku-5-5", 128_000),
        ("openai.gpt-oss-120b-1:0", 16_000),
        ("global.openai.gpt-6-sol", 128_000),
        ("us.deepseek.r1-v1:0", 8_192),
        ("deepseek.v3.2", 8_000),
        ("qwen.qwen3-coder-480b-a35b-v1:0", 16_000),
        ("qwen.qwen3-32b-v1:0", 8_000),
        ("us.moonshotai.kimi-k3.1", 128_000),
        ("moonshot.kimi-k2-thinking", 16_000),
        ("us.zai.glm-5.3", 128_000),
        ("nvidia.nemotron-super-3-120b", 32_000),
        ("minimax.minimax-m2", 8_000),
        ("somebody.something", None),
    ],
)
def test_limits_at_bedrock(model: str, tokens: int | None) -> None:
    """The maker's name stands before the model's, and a region may stand before that."""
    assert max_output_tokens("aws", model) == tokens


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-sonnet-4@20250514", 64_000),
        ("claude-opus-4@20250514", 32_000),
        ("claude-haiku-4-5@20251001", 64_000),
        ("claude-opus-4-1@20250805", 32_000),
        ("gemini-3.8-flash", 65_535),
    ],
)
def test_limits_at_vertex(model: str, tokens: int) -> None:
    """Its names of Claude have their date behind a sign of its own."""
    assert max_output_tokens("google-vertex", model) == tokens


def test_models_of_sound() -> None:
    """Their longest answers are short, and one of them is not published."""
    longest = {
        "gpt-4o-transcribe": 2_000,
        "gpt-4o-mini-tts": None,
        "gpt-audio-mini": 16_384,
        "gpt-realtime": 4_096,
        "gpt-realtime-mini-2025-12-15": 4_096,
        "gpt-4o-mini-realtime-preview": 4_096,
        "gpt-realtime-2.1": 32_000,
        "gpt-realtime-2.1-mini": 32_000,
    }
    assert {name: max_output_tokens("openai", name) for name in longest} == longest
    assert context_window("openai", "gpt-realtime-mini") == 32_768
    assert context_window("openai", "gpt-realtime-2.1-mini") == 131_072
    assert context_window("openai", "gpt-realtime-2.2-mini") is None
