"""The limit on prices of an API that chooses among sellers of a model.

Owns: the `provider` object of such a request. Refuses to know: which host has one, prices.
https://openrouter.ai/docs/features/provider-routing#max-price
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from providers import jsonbody


def limited(document: dict[str, Any], usd_per_mtok: tuple[Decimal, Decimal]) -> dict[str, Any]:
    """The request's `provider` object, choosing nobody who is dearer than what was admitted.

    usd_per_mtok: the dearest input and output prices, in USD per million tokens.
    """
    limits = dict(max_price(document))
    for key, usd in zip(("prompt", "completion"), usd_per_mtok, strict=True):
        own = limits.get(key)
        is_lower = isinstance(own, int | float) and not isinstance(own, bool) and own < usd
        limits[key] = own if is_lower else _number(usd)
    return {**(document.get("provider") or {}), "max_price": limits}


def max_price(document: dict[str, Any]) -> dict[str, Any]:
    """The limit that the request itself sets. Raises Refused (400) if it is no object."""
    provider = jsonbody.optional_object(document, "provider")
    return jsonbody.optional_object(provider, "max_price")


def _number(usd: Decimal) -> int | float:
    """As JSON writes it."""
    number: int | float = json.loads(f"{usd:f}")
    return number
