"""The bound on input tokens, held against a real tokenizer."""

from __future__ import annotations

import json
import sys
import unicodedata
from functools import cache
from typing import Any, Literal

import bpe_openai  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import tokens


@cache
def encoding(name: str) -> bpe_openai.Encoding:
    """The tokenizer of that name, built once."""
    return bpe_openai.get_encoding(name)


def count(text: str, name: str = "o200k_base") -> int:
    """How many tokens the tokenizer makes of a text."""
    return len(encoding(name).encode_ordinary(text))


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
@given(text=st.text(max_size=60) | st.text(st.characters(min_codepoint=0x1F300), max_size=20))
def test_no_text_has_more_tokens_than_bytes(name: str, text: str) -> None:
    """The vocabularies in use never make more tokens of a text than it has UTF-8 bytes."""
    assert count(text, name) <= tokens.text_tokens_max(text)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.booleans())
def test_a_body_bounds_all_its_texts(texts: list[str], escape: bool) -> None:
    """The body's length bounds the tokens of its strings, however they were escaped."""
    messages = [{"role": "user", "content": text} for text in texts]
    body = json.dumps({"messages": messages}, ensure_ascii=escape).encode()
    bound = tokens.request_tokens_max(body, messages=len(texts))
    assert sum(count(text) + 4 for text in texts) <= bound


def test_many_short_enum_members_stay_below_the_bound() -> None:
    """A schema rendered with more tokens between its members than JSON had is still covered."""
    members = list(range(1000))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"enum": members}}}
    body = json.dumps({"tools": [tool]}, separators=(",", ":")).encode()
    rendered = "type f = (_: " + " | ".join(map(str, members)) + ") => any;"
    bound = tokens.request_tokens_max(body, tools=1)
    assert count(rendered) <= bound


@pytest.mark.parametrize(
    ("model", "documented"),
    [
        ("gpt-4o-mini", 2833 + 8 * 5667),
        ("gpt-4o-2024-08-06", 85 + 8 * 170),
        ("gpt-4.1-nano", 3779),
        ("o4-mini", 2642),
        ("gpt-5.4", 12_000),
        ("some-new-model", 2833 + 8 * 5667),
    ],
)
def test_pictures_are_bounded_by_what_is_documented(model: str, documented: int) -> None:
    """No model's dearest picture exceeds the bound, and an unknown model has the dearest bound."""
    assert tokens.image_tokens_max(model) >= documented


def test_picture_data_counts_as_pictures_not_as_text() -> None:
    """A picture's base64 is left out of the bytes and its tokens are added."""
    body = bytes(10_000)
    plain = tokens.request_tokens_max(body, model="gpt-4o")
    with_picture = tokens.request_tokens_max(body, image_bytes=9_000, images=1, model="gpt-4o")
    assert with_picture == plain - 9_000 + tokens.image_tokens_max("gpt-4o")


FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40) | st.lists(st.text(max_size=9))))
def test_no_normal_form_outgrows_its_bound(document: dict[str, Any]) -> None:
    """All strings of a document, keys too, fit into their bytes and what normalisation may add."""
    texts = list(document)
    for value in document.values():
        texts += [value] if isinstance(value, str) else value
    gained = tokens.normal_form_bytes(document)
    for form in FORMS:
        normal = sum(tokens.text_tokens_max(unicodedata.normalize(form, text)) for text in texts)
        assert normal <= sum(map(tokens.text_tokens_max, texts)) + gained


def test_plain_text_gains_nothing() -> None:
    """What no form can lengthen adds nothing; one sign that stands for a sentence adds its own."""
    assert tokens.normal_form_bytes({"a": ["plain", 1, None], "b": {"c": "text"}}) == 0
    assert tokens.normal_form_bytes("日本語") == 0
    assert tokens.normal_form_bytes(["\ufdfa"]) == 30


def longest(text: str) -> int:
    """The bytes of a text in its longest normal form."""
    return tokens.text_tokens_max(text) + tokens.normal_form_bytes(text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_strings_that_are_joined_grow_no_further(one: str, other: str) -> None:
    """The model sees all strings in one text, which is composed as a whole."""
    for form in ("NFC", "NFKC"):
        joined = unicodedata.normalize(form, one + other)
        assert len(joined.encode()) <= longest(one) + longest(other)


def test_no_pair_composes_into_more_bytes() -> None:
    """The law behind it, over every character that Unicode composes from two."""
    for point in range(sys.maxunicode + 1):
        pair = unicodedata.decomposition(chr(point)).split()
        if len(pair) == 2 and not pair[0].startswith("<"):
            parts = [chr(int(part, 16)) for part in pair]
            if unicodedata.normalize("NFC", "".join(parts)) == chr(point):
                assert len(chr(point).encode()) <= sum(len(part.encode()) for part in parts)


def test_texts_for_any_vocabulary_are_framed_one_by_one() -> None:
    """Each by its longest form, and what stands at its ends."""
    texts = ["ab", "\ufdfa"]
    assert tokens.any_vocabulary_max(texts) == 2 + 33 + 2 * tokens.MESSAGE_TOKENS
