"""What the name of a Claude model says about it: its generation, and what changed with that.

Owns: reading the name, and the few differences between generations that the bill depends on.
Refuses to know: requests, prices of tokens, limits of output (model_limits.py).

A name that does not say its generation is taken for the newest model. Names as in
https://platform.claude.com/docs/en/about-claude/models/overview, dated or not, and within the
longer names that other hosts give the same models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_FAMILY_FIRST = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
_NUMBER_FIRST = re.compile(r"claude-(?:instant-)?v?(\d)(?:[-.](\d))?(?!\d)")
_NEWEST = (99, 0)

# A beta that makes the window longer than the one that the catalogue knows of a model.
LONGER_WINDOW = re.compile(r"context-\d+m\b")
_LONG_FROM = (4, 6)

# https://platform.claude.com/docs/en/build-with-claude/vision#resolution-and-token-cost
# Visual tokens of a picture after scaling; the table names 1568 for models before 4.7, and older
# editions of the page "about 1600".
_PICTURE_TOKENS, _SHARP_PICTURE_TOKENS = 1_600, 4_784

# https://platform.claude.com/docs/en/about-claude/pricing#data-residency-pricing
_US_ONLY = {"us": Decimal("1.1")}


def generation(model: str) -> tuple[int, int]:
    """`claude-opus-4-1-20250805` -> (4, 1), `claude-3-opus-latest` -> (3, 0)."""
    found = _NUMBER_FIRST.search(model) or _FAMILY_FIRST.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def picture_tokens_max(model: str) -> int:
    """Most tokens that one picture, or one page of a document as a picture, is billed as."""
    return _PICTURE_TOKENS if generation(model) < (4, 7) else _SHARP_PICTURE_TOKENS


def has_longer_window(model: str) -> bool:
    """True where the longest window is the usual one, so that no beta makes it longer.

    https://claude.com/blog/1m-context-ga
    """
    return generation(model) >= _LONG_FROM


def thinks_unasked(model: str) -> bool:
    """True where a request that does not speak of thinking may be answered with thinking.

    https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting (the table)
    """
    return generation(model) >= (5, 0)


def surcharges(provider: str, model: str) -> Mapping[str, Decimal]:
    """By the name of a service tier: what it multiplies the price of every token by."""
    if provider != "anthropic" or generation(model) < (4, 6):
        return {}
    return _US_ONLY
