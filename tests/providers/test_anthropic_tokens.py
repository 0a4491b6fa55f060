"""The bound on the input of Claude, held to a real tokenizer and to the forms of Unicode."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from typing import Any

import bpe_openai  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic_tokens import framing_tokens_max, text_tokens_max

# Texts that grow when they are normalised: compatibility ligatures, and what is composed never.
GROWING = st.text("\ufdfa\ufdfb\u0958\u0344\U0001d15e\u3316Å…Ａe\u0301 ", max_size=40)


@cache
def encoding() -> bpe_openai.Encoding:
    """The tokenizer, built once."""
    return bpe_openai.get_encoding("cl100k_base")


def bound(texts: list[str], escape: bool) -> int:
    """What the texts are bounded by, sent as messages."""
    document: dict[str, Any] = {"messages": [{"content": text} for text in texts]}
    body = json.dumps(document, ensure_ascii=escape).encode()
    return text_tokens_max(body, document)


@pytest.mark.parametrize("form", ["NFC", "NFKC", "none"])
@given(texts=st.lists(st.text(max_size=60) | GROWING, max_size=5), escape=st.booleans())
def test_no_text_has_more_tokens_than_its_longest_form_has_bytes(
    form: str, texts: list[str], escape: bool
) -> None:
    """However the strings are escaped, and whether the vocabulary normalises or not."""
    total = 0
    for text in texts:
        normal = text if form == "none" else unicodedata.normalize(form, text)
        assert len(encoding().encode_ordinary(normal)) <= len(normal.encode())
        total += len(normal.encode())
    assert total <= bound(texts, escape)


def test_bytes_as_they_are_sent_would_be_too_few() -> None:
    """The negative control: a ligature of three bytes becomes eighteen letters."""
    text = "\ufdfa" * 100
    tokens = len(encoding().encode_ordinary(unicodedata.normalize("NFKC", text)))
    assert len(json.dumps({"content": text}, ensure_ascii=False).encode()) < tokens
    assert tokens <= bound([text], escape=False)


def test_composing_never_lengthens() -> None:
    """No character has more bytes composed than taken apart, so the composed forms bound."""
    for number in range(0x110000):
        if 0xD800 <= number <= 0xDFFF:
            continue
        character = chr(number)
        if unicodedata.is_normalized("NFKD", character):
            continue
        for short, long in (("NFC", "NFD"), ("NFKC", "NFKD")):
            composed = unicodedata.normalize(short, character).encode()
            assert len(composed) <= len(unicodedata.normalize(long, character).encode())


def test_plain_text_counts_by_the_body() -> None:
    """ASCII is the same in all forms."""
    body = b'{"messages": []}'
    assert text_tokens_max(body, {"messages": []}) == len(body)


def test_framing_grows_with_what_is_framed() -> None:
    """Each message, block, member and tool is marked up; tools bring a prompt of their own."""
    none = framing_tokens_max(b"{}", messages=0, blocks=0, members=0, tools=0)
    for one in ("messages", "blocks", "members", "tools"):
        counts = {"messages": 0, "blocks": 0, "members": 0, "tools": 0, one: 1}
        assert framing_tokens_max(b"{}", **counts) >= none + 16
    with_tools = framing_tokens_max(b'{"a":1,"b":2}', messages=0, blocks=0, members=0, tools=1)
    assert with_tools >= none + 804 + 499 + 3
