"""Calls as a policy is told of them, and times.

Owns: making one with whatever a test is about. Refuses to know: what is asserted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aex_addon.policy.context import Context, Payer
from ledger.commands import Asked, Quote

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
NOTHING: frozenset[str] = frozenset()
MODEL = frozenset(("gpt-4o-mini", "openai/gpt-4o-mini"))

# 1000 n$ of input, and 10 n$ for each of up to 100 output tokens.
QUOTE = Quote(1_000, 10_000, 100)
ASKED = Asked((MODEL,), False, 50, 100, True, NOTHING, NOTHING, NOTHING, False)
CALL = Context(
    payer=Payer("shop", "shop/r1", ("sales",)),
    provider="openai",
    hosts=("api.openai.com",),
    method="POST",
    path="/v1/chat/completions",
    canonical="/v1/chat/completions",
    endpoint="/v1/chat/completions",
    alias="",
    asked=ASKED,
    quote=QUOTE,
)


def call(**changes: Any) -> Context:
    """CALL, with other values of its own, of `asked` or of `quote`."""
    asked = {key: changes.pop(key) for key in list(changes) if hasattr(ASKED, key)}
    quote = {key: changes.pop(key) for key in list(changes) if hasattr(QUOTE, key)}
    return CALL._replace(asked=replace(ASKED, **asked), quote=replace(QUOTE, **quote), **changes)
