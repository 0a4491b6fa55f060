"""Bounds on text that is composed before it is counted."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from providers.composed import growth, text_tokens_max


def test_text_counts_by_its_longest_form() -> None:
    """Plain text by its bytes; characters that compose into more by what they become."""
    assert text_tokens_max("abc") == 3
    assert text_tokens_max("界") == 3
    assert text_tokens_max("\u0958") == 6
    assert text_tokens_max("\ufdfa") == len(unicodedata.normalize("NFKC", "\ufdfa").encode()) > 18


def test_only_growth_is_counted() -> None:
    """Keys and values at any depth, and nothing for text that does not grow."""
    assert growth({"a": ["b", {"界": "é"}], "n": 1}) == 0
    assert growth({"\u0958": [{"x": "\u0958"}]}) == 6


@given(st.text(max_size=20), st.text(max_size=20))
def test_strings_that_are_joined_grow_no_further(one: str, other: str) -> None:
    """The model sees all strings in one text, which is composed as a whole."""
    for form in ("NFC", "NFKC"):
        joined = unicodedata.normalize(form, one + other)
        assert len(joined.encode()) <= text_tokens_max(one) + text_tokens_max(other)


def test_no_pair_composes_into_more_bytes() -> None:
    """The law behind it, over every character that Unicode composes from two."""
    for point in range(sys.maxunicode + 1):
        pair = unicodedata.decomposition(chr(point)).split()
        if len(pair) == 2 and not pair[0].startswith("<"):
            parts = [chr(int(part, 16)) for part in pair]
            if unicodedata.normalize("NFC", "".join(parts)) == chr(point):
                assert len(chr(point).encode()) <= sum(len(part.encode()) for part in parts)
