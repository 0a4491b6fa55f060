"""Service tiers of OpenAI: what is not known, or has no price, does not pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers import openai_tiers
from providers.openai_chat import CHATS, OPENAI_CHAT
from providers.openai_completions import OPENAI_COMPLETIONS
from providers.openai_embeddings import COMPATIBLE_EMBEDDINGS, OPENAI_EMBEDDINGS
from providers.openai_responses import OPENAI_RESPONSES
from providers.openai_responses_compact import OPENAI_RESPONSES_COMPACT
from providers.prices import PriceBook
from providers.unquotable import UnknownTier
from providers.wire import Call, Refused
from providers.wire_format import WireFormat
from tests.providers.catalogue import AT

BODIES: list[tuple[WireFormat, dict[str, Any]]] = [
    *((chat, {"messages": [{"role": "user", "content": "hi"}]}) for chat in CHATS[:-1]),
    (OPENAI_RESPONSES, {"input": "hi"}),
    (OPENAI_RESPONSES_COMPACT, {"input": "hi"}),
    (OPENAI_COMPLETIONS, {"prompt": "hi"}),
    (OPENAI_EMBEDDINGS, {"input": "hi"}),
    (COMPATIBLE_EMBEDDINGS, {"input": "hi"}),
]


def call(model: str, tier: Any, **fields: Any) -> Call:
    body = json.dumps({"model": model, "service_tier": tier, **fields}).encode()
    return Call("openai", "POST", "", "", {}, body)


@pytest.mark.parametrize(("wire_format", "fields"), BODIES, ids=[each.name for each, _ in BODIES])
def test_a_tier_that_nobody_knows_is_refused(
    wire_format: WireFormat, fields: dict[str, Any]
) -> None:
    """At every host whose calls cost something, and by every format that has a tier or might."""
    with pytest.raises(Refused) as caught:
        wire_format.read(call("gpt-5", "ultrafast", **fields))
    assert caught.value.denial.status == 403
    wire_format.read(call("gpt-5", None, **fields))


@pytest.mark.parametrize("tier", openai_tiers.KNOWN)
def test_a_dearer_tier_needs_a_price(tier: str) -> None:
    """What the catalogue has no price for is refused, and what costs no more never is."""
    messages = [{"role": "user", "content": "hi"}]
    for wire_format, fields in (
        (OPENAI_CHAT, {"messages": messages}),
        (OPENAI_RESPONSES, {"input": "hi"}),
        (OPENAI_RESPONSES_COMPACT, {"input": "hi"}),
    ):
        for model, is_priced in (("gpt-5", True), ("gpt-5-nano", False)):
            facts = wire_format.read(call(model, tier, **fields))
            price = PriceBook().price("openai", model, AT)
            if tier in openai_tiers.PREMIUM and not is_priced:
                with pytest.raises(UnknownTier, match=tier):
                    price.quote(facts)
            else:
                assert price.quote(facts).fixed_nanousd > 0


def test_what_is_no_string() -> None:
    """Malformed, whatever the tiers."""
    with pytest.raises(Refused) as caught:
        openai_tiers.read_tier({"service_tier": 3})
    assert caught.value.denial.status == 400
    assert openai_tiers.read_tier({}) is None
