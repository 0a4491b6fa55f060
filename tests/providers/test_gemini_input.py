"""The bound on a Gemini prompt, held against a tokenizer of its kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.gemini_input import PICTURE_TOKENS_MAX, THOUGHTS_TOKENS_MAX, Prompt
from providers.protojson import Message
from tests.providers.bounds_gemini import tokenizer

SCRIPTS = st.text("aä界😀ﷺﬁ \n\t\0▁<>ं\u200d", max_size=40) | st.text(max_size=40)


TOKENIZERS = [tokenizer(kind) for kind in ("bpe", "unigram")]


def prompt(model: str = "gemini-3.8-flash", **part: Any) -> Prompt:
    """What is found in a prompt of one part."""
    found = Prompt(model)
    found.add_content(Message({"parts": [part]}, "contents"))
    return found


@given(st.lists(SCRIPTS, min_size=1, max_size=4))
def test_no_text_has_more_tokens_than_the_bound(texts: list[str]) -> None:
    """Whatever the script, for both kinds of vocabulary."""
    contents = [{"parts": [{"text": text}]} for text in texts]
    body = json.dumps({"contents": contents}).encode()
    found = Prompt("gemini-3.8-flash")
    for content in contents:
        found.add_content(Message(content, "contents"))
    bound = found.tokens_max(body, tools=0)
    for each in TOKENIZERS:
        assert sum(len(each.encode(text)) for text in texts) <= bound


@pytest.mark.parametrize(
    ("model", "kind", "pictures", "unseen"),
    [
        ("gemini-3.8-flash", "image/jpeg", 1, False),
        ("gemini-3-pro-preview", "IMAGE/PNG; x=y", 1, False),
        ("gemini-4-argon", "image/webp", 1, False),
        ("gemini-10-flash", "image/heic", 1, False),
        ("gemini-2.5-flash", "image/jpeg", 0, True),
        ("gemini-flash-latest", "image/jpeg", 0, True),
        ("gemini-3.8-flash", "image/gif", 0, True),
        ("gemini-3.8-flash", "text/plain", 0, True),
    ],
)
def test_pictures_are_bounded_where_a_maximum_is_published(
    model: str, kind: str, pictures: int, unseen: bool
) -> None:
    """By kind and by family of the model; else the window is the bound."""
    found = prompt(model, inlineData={"mimeType": kind, "data": "A" * 1_000})
    assert (found.pictures, found.unseen, found.media_bytes) == (pictures, unseen, 1_000)
    body = b" " * 1_100
    assert found.tokens_max(body, 0) == 100 + 64 + 16 + pictures * PICTURE_TOKENS_MAX


def test_a_picture_of_a_size_of_its_own_has_no_published_maximum() -> None:
    """`numTokens` may ask for any number."""
    picture = {"mimeType": "image/png", "data": "AAAA"}
    assert prompt(inlineData=picture, mediaResolution={"level": "x"}).pictures == 1
    assert prompt(inlineData=picture, media_resolution={"num_tokens": 9_999}).unseen


def test_modalities_follow_the_kind_of_media() -> None:
    """A document is billed as pictures; sound and films may hold anything."""
    assert prompt(text="x").modalities == {"text"}
    pdf = {"mimeType": "application/pdf", "data": "AAAA"}
    assert prompt(inlineData=pdf).modalities == {"text", "image"}
    sound = {"mimeType": "audio/mp3", "data": "AAAA"}
    assert prompt(inlineData=sound).modalities == {"text", "image", "audio", "video"}


def test_media_in_the_result_of_a_function_count() -> None:
    """They are found however deep the result is wrapped."""
    result = {"name": "f", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}
    assert prompt(functionResponse=result).pictures == 1


def test_thoughts_that_come_back_are_input() -> None:
    """Each signature may stand for the longest thoughts of its answer, or for a whole window."""
    found = prompt(text="x", thoughtSignature="AAAA")
    assert (found.signatures, found.unseen) == (1, False)
    assert found.tokens_max(b"", 0) >= THOUGHTS_TOKENS_MAX
    assert prompt("gemini-4-argon", text="x", thought_signature="AAAA").unseen


def test_results_of_the_providers_tools_may_be_kept_there() -> None:
    """The window bounds what a reference to them may stand for."""
    assert prompt(toolCall={"toolType": "URL_CONTEXT"}).unseen
    assert prompt(tool_response={"id": "1"}).unseen
