"""Service tiers of OpenAI's own APIs: which are known, and which cost more than the standard one.

Owns: that table. Refuses to know: prices. A tier that is not known here is refused, for nothing
tells what it costs; a dearer one is refused too where the catalogue has no price for it.
https://platform.openai.com/docs/api-reference/chat/create#chat_create-service_tier

`auto` is what the project's settings say, and `scale` is paid for beforehand.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody

STANDARD = ("auto", "default")
PREMIUM = ("priority", "fast")
KNOWN = (*STANDARD, "flex", "scale", *PREMIUM)


def read_tier(document: dict[str, Any], known: tuple[str, ...] = KNOWN) -> str | None:
    """The tier that a request names. Raises Refused: 400 for no string, 403 for one not known."""
    tier = jsonbody.optional_string(document, "service_tier")
    if tier is not None and tier not in known:
        raise jsonbody.not_metered("This `service_tier`")
    return tier
