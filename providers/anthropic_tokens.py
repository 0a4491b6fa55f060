"""An upper bound on the input tokens of a Messages request, without Claude's tokenizer.

Owns: the proof below and its constants. Refuses to know: which blocks and tools a request holds.

Text. Anthropic publishes no tokenizer for Claude 3 and later; the last one it did publish (in its
SDKs, for Claude 2) is byte-pair encoding over the UTF-8 bytes of the text after Unicode's NFKC.
Such a vocabulary makes at most one token of each byte, and so does one that normalises by NFC or
not at all. So a text has no more tokens than the longest of these three forms has bytes. For plain
ASCII they are one. JSON escapes only lengthen, so the body's length stands for the text as it is,
and what normalisation adds to it comes on top.

What comes back encrypted (`signature`, `data`, `encrypted_content`) stands for text that the API
decrypts: encryption does not shorten, and base64 is longer by a third.

Framing. Constants for what the API adds are the largest that its pages name, rounded up; where a
page says "about", by a quarter at least. A value of a tool call is marked up anew, once for each
member of its input. Separators of JSON may come out with a space more.

Pictures count in tokens of their own, by the model (claude_models.py), not by their bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from typing import Any

# The preamble, the thinking and effort settings, the prompt that explains an output format.
REQUEST_TOKENS = 1_024
MESSAGE_TOKENS = 16
# Marks around a block, its index as a document, the remaining budget told after a tool's result.
BLOCK_TOKENS = 64
MEMBER_TOKENS = 16
# https://platform.claude.com/docs/en/about-claude/pricing#tool-use-pricing: 804 at the most, and
# 499 more for computer use.
TOOLS_TOKENS = 1_536
TOOL_TOKENS = 64

_WIDE = re.compile(r"[^\x00-\x7f]+")


def text_tokens_max(body: bytes, document: dict[str, Any]) -> int:
    """Most tokens of all strings of the body together; `document` is what it parses to."""
    text = body.decode("utf-8")
    if "\\u" in text:
        text = json.dumps(document, ensure_ascii=False)
    if text.isascii() or unicodedata.is_normalized("NFKC", text):
        return len(body)
    # ASCII is the same in all forms, so only what is between can grow; most of it comes often.
    return len(body) + sum(_growth(run) * n for run, n in Counter(_WIDE.findall(text)).items())


def _growth(run: str) -> int:
    forms = [run, *(unicodedata.normalize(form, run) for form in ("NFC", "NFKC"))]
    sizes = [len(form.encode("utf-8")) for form in forms]
    return max(sizes) - sizes[0]


def framing_tokens_max(body: bytes, *, messages: int, blocks: int, members: int, tools: int) -> int:
    """Most tokens that the API adds around what was sent.

    blocks:  content blocks, nested ones included.
    members: of the inputs of all earlier tool calls.
    tools:   definitions, of whatever kind.
    """
    bound = REQUEST_TOKENS + messages * MESSAGE_TOKENS + blocks * BLOCK_TOKENS
    bound += members * MEMBER_TOKENS
    if tools:
        bound += TOOLS_TOKENS + tools * TOOL_TOKENS + body.count(b",") + body.count(b":")
    return bound
