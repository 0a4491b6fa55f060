"""Upper bounds on the input tokens of a Cohere request, without a tokenizer.

Owns: the proof below. Refuses to know: prices, which field holds what.

Cohere's Command models have a byte-level vocabulary (byte-pair encoding over UTF-8, see
https://docs.cohere.com/docs/tokens-and-tokenizers and `tokenizer_url` of its models), so a token
holds one byte or more; but text is brought into Unicode's composed form first, which can be longer
than what was sent (U+0958 becomes two characters). The multilingual embedding and rerank models
have SentencePiece, which composes by compatibility (U+FDFA becomes eighteen characters); it makes
no more tokens than the result has bytes. So the longest of a text's own bytes and those of its two
composed forms bounds its tokens with any of them. Composing goes piece by piece and never makes
two strings longer by joining them.

What Cohere itself puts around the strings (turns, its own preamble, safety rules) is counted in
`tokens` but not in `billed_units`, and only the latter is billed; the constants of tokens.py are
kept on top.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

_FORMS: tuple[Literal["NFC", "NFKC"], ...] = ("NFC", "NFKC")


def text_tokens_max(text: str) -> int:
    """Most tokens that any of Cohere's vocabularies makes of `text`."""
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
