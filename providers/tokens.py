"""An upper bound on the input tokens of a request, without a tokenizer.

Owns: the proof below and its constants. Refuses to know: prices, and which field holds what.

Text. A byte-level vocabulary (byte-pair encoding over UTF-8, as all OpenAI models have it) maps
every token to one or more bytes of the text, so a text has at most as many tokens as UTF-8 bytes.
A JSON body writes each string in at least as many bytes as its UTF-8 (escapes only lengthen), so
the body's length bounds the tokens of all its strings together, whichever of them reach the model.

Other vocabularies (SentencePiece, WordPiece) may put the text into a Unicode normal form first,
and make at most a token of each byte of the result: they fall back to bytes, or to one token for
what they do not know, and what they add at the ends is less than MESSAGE_TOKENS. So the bytes that
any of the normal forms adds are added to the bound (`normal_form_bytes`).

Framing. What the provider adds around the strings: a few tokens per message
(https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken says 3, and 1 for a name),
a preamble, and for tools a rendering of their schema in another notation. That notation drops the
quotes and braces of JSON but may put up to two more tokens between members, so each comma counts
for two.

Images. Bytes say nothing about them: the provider counts tiles or patches of the scaled picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

REQUEST_TOKENS = 64
MESSAGE_TOKENS = 16
TOOLS_TOKENS = 512
TOOL_TOKENS = 32

# https://platform.openai.com/docs/guides/images-vision#calculating-costs
# Tiles: a picture is scaled into 2048 x 2048, then to a short side of 768: at most 4 x 2 tiles.
#   gpt-4o-mini: 2833 + 8 * 5667 = 48169, the dearest.   gpt-4o, gpt-4.1: 85 + 8 * 170 = 1445.
# Patches: at most 1536 (10000 with detail `original`, gpt-5.4 on), times at most 2.46.
#   o4-mini, gpt-4.1-mini, gpt-4.1-nano: 1536 * 2.46 = 3779.   gpt-5 family: 10000 * 2.46 = 24600.
IMAGE_TOKENS_MAX = 48_169
_IMAGE_TOKENS = (
    (re.compile(r"gpt-4o(?!-mini)|gpt-4\.1|gpt-4-turbo|o[134](-|$)"), 4_096),
    (re.compile(r"gpt-5"), 24_600),
)


def text_tokens_max(text: str) -> int:
    """Most tokens a byte-level vocabulary can make of `text`: its UTF-8 bytes."""
    return len(text.encode("utf-8"))


def normal_form_bytes(document: Any) -> int:
    """UTF-8 bytes by which normalisation can lengthen the strings of a JSON document, keys too."""
    gained, todo = 0, [document]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            gained += 0 if item.isascii() else _gain(item)
        elif isinstance(item, dict):
            todo.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return gained


def any_vocabulary_max(texts: Sequence[str]) -> int:
    """Most tokens that any kind of vocabulary makes of texts which are each framed on their own."""
    sent = sum(map(text_tokens_max, texts)) + normal_form_bytes(list(texts))
    return sent + len(texts) * MESSAGE_TOKENS


def _gain(text: str) -> int:
    forms = (unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD"))
    return max(0, max(map(text_tokens_max, forms)) - text_tokens_max(text))


def image_tokens_max(model: str) -> int:
    """Most tokens one picture can be billed as; for a model not in the table the dearest known."""
    for pattern, tokens in _IMAGE_TOKENS:
        if pattern.match(model):
            return tokens
    return IMAGE_TOKENS_MAX


def request_tokens_max(
    body: bytes,
    *,
    messages: int = 0,
    tools: int = 0,
    image_bytes: int = 0,
    images: int = 0,
    model: str = "",
) -> int:
    """Most input tokens of a whole JSON request body, framing and pictures included.

    image_bytes: UTF-8 bytes of picture data in the body, which are billed as pictures, not as text.
    """
    bound = len(body) - image_bytes + REQUEST_TOKENS + messages * MESSAGE_TOKENS
    if tools:
        bound += TOOLS_TOKENS + tools * TOOL_TOKENS + 2 * body.count(b",")
    return bound + images * image_tokens_max(model)
