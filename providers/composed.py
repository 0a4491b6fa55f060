"""Upper bounds on tokens for vocabularies that compose text before they cut it.

Owns: the proof below. Refuses to know: prices, which field holds what, any one provider.

A byte-level vocabulary makes no more tokens than a text has bytes, and SentencePiece no more than
that where it falls back to bytes; but some bring a text into one of Unicode's composed forms first,
which can be longer than what was sent. Cohere's Command composes canonically (U+0958 becomes two
characters), multilingual embedding models by compatibility (U+FDFA becomes eighteen). WordPiece
makes no more tokens than characters. So the longest of a text's own bytes and those of its two
composed forms bounds its tokens with any of them. Composing goes piece by piece and never makes
two strings longer by joining them.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

_FORMS: tuple[Literal["NFC", "NFKC"], ...] = ("NFC", "NFKC")


def text_tokens_max(text: str) -> int:
    """Most tokens that any such vocabulary makes of `text`."""
    size = len(text.encode("utf-8"))
    if text.isascii():
        return size
    return max(size, *(len(unicodedata.normalize(form, text).encode("utf-8")) for form in _FORMS))


def growth(value: Any) -> int:
    """How many bytes all strings of a JSON value, keys included, grow by at the most."""
    total, todo = 0, [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if not item.isascii():
                total += text_tokens_max(item) - len(item.encode("utf-8"))
        elif isinstance(item, dict):
            todo.extend(item.values())
            todo.extend(item)
        elif isinstance(item, list):
            todo.extend(item)
    return total
