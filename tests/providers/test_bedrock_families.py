"""Rows of models whose body is a prompt."""

from __future__ import annotations

import pytest

from providers.bedrock_families import family_of, read_cap, read_chat, with_cap


@pytest.mark.parametrize(
    ("model", "cap"),
    [
        ("amazon.titan-text-lite-v1", ("textGenerationConfig", "maxTokenCount")),
        ("amazon.titan-embed-text-v1", ()),
        ("us.meta.llama4-scout-17b-instruct-v1:0", ("max_gen_len",)),
        ("meta.llama3-8b-instruct-v1:0", ("max_gen_len",)),
        ("mistral.mistral-large-2402-v1:0", ("max_tokens",)),
        ("eu.mistral.pixtral-large-2502-v1:0", ("max_tokens",)),
    ],
)
def test_rows(model: str, cap: tuple[str, ...]) -> None:
    """A model is found with and without a region before its name."""
    family = family_of(model)
    assert family is not None
    assert family.cap == cap


@pytest.mark.parametrize(
    "model",
    [
        *("amazon.titan-embed-image-v1", "amazon.titan-image-generator-v2:0"),
        *("meta.llama2-13b-chat-v1", "cohere.command-r-v1:0", "ai21.jamba-1-5-mini-v1:0"),
        "x.y.meta.llama3-8b-instruct-v1:0",
    ],
)
def test_models_without_a_row(model: str) -> None:
    """They are not known to have such a body."""
    assert family_of(model) is None


def test_caps() -> None:
    """One is read from where it stands, and written there."""
    titan, embed = family_of("amazon.titan-text-lite-v1"), family_of("amazon.titan-embed-text-v1")
    assert titan is not None
    assert embed is not None
    assert read_cap(titan, {}) is None
    assert read_cap(titan, {"textGenerationConfig": {"maxTokenCount": 7}}) == 7
    assert read_cap(embed, {"maxTokenCount": 7}) is None
    assert with_cap(("a", "b"), {"x": 1, "a": {"c": 2}}, 9) == {"x": 1, "a": {"c": 2, "b": 9}}
    assert with_cap(("a", "b"), {}, 9) == {"a": {"b": 9}}


def test_conversations() -> None:
    """Messages, their parts and calls of tools, and definitions of tools are counted."""
    parts = [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]
    messages = [{"content": "x"}, {"content": parts}, {"content": None, "tool_calls": [{}]}]
    assert read_chat({"messages": messages, "tools": [{}, {}]}) == (3, 3, 2)
