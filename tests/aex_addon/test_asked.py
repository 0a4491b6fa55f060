"""aex_addon/asked.py: one value for the caps, whatever format a call came in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal, appraise
from aex_addon.asked import asked
from aex_addon.pricing import price_book
from aex_addon.routes import Route
from aex_addon.settings import Settings
from ledger.commands import Asked, Quote
from providers.bulk import BulkFacts, Collector
from providers.mcp_meter import McpFacts
from providers.unquotable import UnknownPrice
from providers.uses import TEXT, Uses
from providers.wire import Call, Facts
from tests.aex_addon.truth import appraisal_of
from tests.ledger.making import admit, started, word
from tests.providers.asking import ASKS, WAYS, Way, named
from tests.providers.recorded import formats, metered, row_of, spoken_by

AT = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = Settings.model_validate({"server_calls_max": 3})
PRICES = price_book(SETTINGS)
# By the beginning of what a row of the table asks for: a cap that forbids it, and what it says.
FORBIDS: dict[str, tuple[dict[str, Any], str]] = {
    "function": ({"function_calling": False}, "function_calling_not_allowed"),
    "server": ({"tool_names": ["lookup"]}, "tool_not_allowed"),
    "image": ({"vision": False}, "vision_not_allowed"),
    "audio": ({"audio": False}, "audio_not_allowed"),
    "document": ({"documents": False}, "documents_not_allowed"),
    "stream": ({"streaming": False}, "streaming_not_allowed"),
}
EVERY: list[tuple[dict[str, Any], str]] = [
    ({"models": ["some-other-model"]}, "model_not_allowed"),
    ({"max_input_tokens": 1}, "input_tokens_above_cap"),
    ({"max_total_tokens": 1}, "total_tokens_above_cap"),
    ({"passthrough": False}, "passthrough_not_allowed"),
    ({"strict": True}, "model_not_allowed"),
]


def listed(_: str) -> str:
    raise UnknownPrice("p", "m")


def choice(call: Call, alias: str = "") -> Choice:
    return Choice(cast(Route, None), call, alias)


def appraised(way: Way, feature: str = "") -> tuple[Appraisal, Asked]:
    """A call of the table as a gateway takes it, with the agent's own key."""
    call = way.call(feature)
    row = row_of(call)
    found = appraise(call, spoken_by(row), PRICES, SETTINGS, AT)
    assert found.refusal is None, found.refusal
    return found, asked(found, choice(call), True, listed)


def verdict(way: Way, feature: str, caps: dict[str, Any]) -> str:
    """What the ledger says to it."""
    found, told = appraised(way, feature)
    kernel = started(caps=caps, budget=10**12)
    call = admit("e1", quote=found.quote, asked=told, provider=way.provider)
    said = word(kernel(call))
    return said.removeprefix("403 ") if said.startswith("403") else said.partition(" ")[0]


@pytest.mark.parametrize(("way", "feature"), ASKS, ids=named)
def test_no_format_is_a_way_around(way: Way, feature: str) -> None:
    """Each thing that a cap forbids is refused in each spelling of each API, and passes without."""
    caps, code = FORBIDS[feature.partition(" ")[0]]
    assert verdict(way, feature, caps) == code
    assert verdict(way, feature, {"strict": True, "models": ["*"], "passthrough": True}) != "holds"
    assert verdict(way, feature, {}) == "holds"
    always = not way.asks[feature]
    assert verdict(way, "", caps) == (code if always else "holds")


@pytest.mark.parametrize("way", WAYS, ids=named)
@pytest.mark.parametrize(("caps", "code"), EVERY)
def test_caps_of_every_call(way: Way, caps: dict[str, Any], code: str) -> None:
    """The model, the size of the input, the key and strictness do not depend on the API."""
    by_token = way.name != "openai_speech" or "tokens" not in code
    assert verdict(way, "", caps) == (code if by_token else "holds")


@pytest.mark.parametrize("way", [way for way in WAYS if way.name != "openai_speech"], ids=named)
def test_output_is_bounded_everywhere(way: Way) -> None:
    """The cap is made smaller, whatever the API calls it."""
    found, told = appraised(way)
    assert (told.output_tokens, told.output_clampable) == (64, True)
    kernel = started(caps={"max_output_tokens": 10}, budget=10**12)
    call = admit("e1", quote=found.quote, asked=told)
    assert word(kernel(call)).endswith(" cap 10")


@pytest.mark.parametrize("name", [each.name for each in formats()])
def test_every_recorded_call_says_all(name: str) -> None:
    """Model, sizes and uses of a call that has a price are known, of whatever format."""
    for each in metered(name):
        told = asked(appraisal_of(each), choice(each.call), False, listed)
        assert bool(told.models) is not isinstance(each.facts, McpFacts)
        assert None not in (told.stream, told.passthrough)
        if not isinstance(each.facts, BulkFacts):
            assert told.input_tokens is not None
            assert each.facts.summaries_max or told.output_tokens is not None


def test_a_model_goes_by_several_names() -> None:
    """As asked, as the catalogue has it, by its route's name, and each at its provider."""
    call = WAYS[0].call()
    call = replace(call, body=call.body.replace(b"gpt-4o-mini", b"gpt-4o-mini-2024-07-18"))
    found = appraise(call, ("openai_chat",), PRICES, SETTINGS, AT)
    told = asked(found, choice(call, "fast"), False, listed)
    assert told.models is not None
    (names,) = told.models
    assert names == {
        *("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-2024-07-18"),
        *("gpt-4o-mini", "openai/gpt-4o-mini", "fast"),
    }


def test_a_tuned_model_is_none_of_googles() -> None:
    """Whatever its owner called it, it has neither the name nor the price of another one."""
    (way,) = (way for way in WAYS if way.provider == "google")
    path = "/v1beta/tunedModels/gemini-2.5-flash:generateContent"
    call = replace(way.call(), path=path)
    found = appraise(call, ("gemini_generate",), PRICES, SETTINGS, AT)
    assert found.refusal is not None
    assert "tunedModels/gemini-2.5-flash" in found.refusal.message
    priced = {"input_usd_per_mtok": "1", "output_usd_per_mtok": "1", "max_output_tokens": 99}
    prices = {"models": {"tunedModels/gemini-2.5-flash": {"provider": "google", **priced}}}
    mine = Settings.model_validate(prices)
    found = appraise(call, ("gemini_generate",), price_book(mine), mine, AT)
    told = asked(found, choice(call), False, listed)
    assert told.models is not None
    assert min(told.models[0], key=len) == "tunedModels/gemini-2.5-flash"


def test_what_nobody_read_is_unknown() -> None:
    """A path that passes unmetered asks for anything; one that is known to be free, for nothing."""
    call = Call("openai", "POST", "/v1/new", "", {}, b"")
    assert asked(Appraisal(Facts("/v1/new", "free")), choice(call), False, listed) == Asked(
        passthrough=False
    )
    free = asked(Appraisal(Facts("/v1/models", "free", uses=TEXT)), choice(call), True, listed)
    assert (free.models, free.stream, free.input_tokens, free.functions) == ((), False, 0, set())
    assert free.passthrough


def test_an_unpriced_call_is_bounded_by_its_request() -> None:
    """Nothing can be written into it, so only what the request itself says counts."""
    call = WAYS[0].call()
    told = asked(
        Appraisal(Facts("/x", "metered", "m", input_tokens_max=7, output_tokens_cap=9, choices=2)),
        *(choice(call), False, listed),
    )
    assert (told.input_tokens, told.output_tokens, told.output_clampable) == (7, 18, False)
    assert (told.functions, told.media) == (None, None)
    for unseen in (Facts("/x", "metered", "m", input_unseen=True), Facts("/x", "metered", "m")):
        found = asked(Appraisal(unseen), choice(call), False, listed)
        assert None in (found.input_tokens, found.output_tokens)


def test_a_cap_that_cannot_be_written_is_no_clamp() -> None:
    """Where the API has no field for it, the model's longest answer is what it asks for."""
    path, body = "/v1/responses/compact", b'{"model": "gpt-4o-mini", "input": "hi"}'
    call = Call("openai", "POST", path, "", {}, body)
    found = appraise(call, ("openai_responses_compact",), PRICES, SETTINGS, AT)
    told = asked(found, choice(call), False, listed)
    assert (told.output_tokens, told.output_clampable) == (16_384, False)
    kernel = started(caps={"max_output_tokens": 10_000}, budget=10**12)
    denied = kernel(admit("e1", quote=found.quote, asked=told))
    assert word(denied) == "403 output_tokens_above_cap"


def test_a_batch_is_held_to_its_largest_call() -> None:
    """Every model, every use and its largest call count, and nothing can be made smaller."""
    collector = Collector()
    seen = {"tools": Uses(frozenset({"f"})), "plain": TEXT}
    collector.add(_line("m", 10, 5, seen["plain"]))
    collector.add(_line("n", 3, 50, seen["tools"]))
    facts = BulkFacts("/b", "metered", "m, n", has_output=False, bulk=collector.bulk("/x", "0"))
    facts = replace(facts, uses=facts.bulk.uses if facts.bulk else None)
    call = WAYS[0].call()
    told = asked(Appraisal(facts, quote=Quote(9)), choice(call), False, lambda m: f"{m}-large")
    assert told.models is not None
    assert [min(each, key=len) for each in told.models] == ["m", "n"]
    assert "openai/m-large" in told.models[0]
    assert (told.input_tokens, told.output_tokens, told.output_clampable) == (10, 50, False)
    assert told.functions == {"f"}
    collector.add(_line("m", 1, None, seen["plain"]))
    facts = replace(facts, bulk=collector.bulk("/x", "0"))
    assert asked(Appraisal(facts), choice(call), False, lambda m: m).output_tokens is None


def _line(model: str, sent: int, cap: int | None, uses: Uses) -> Facts:
    return Facts(*("/x", "metered", model), input_tokens_max=sent, output_tokens_cap=cap, uses=uses)


def test_a_tools_call_asks_for_its_tool() -> None:
    """By its server's name and its own, and for no model: caps on models and sizes let it pass."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}'
    call = Call("desk", "POST", "/mcp", "", {}, body)
    server = {"desk": {"url": "https://mcp.example.com/mcp"}}
    found = appraise(call, ("mcp",), PRICES, Settings.model_validate({"mcp": server}), AT)
    told = asked(found, choice(call), True, listed)
    nothing: frozenset[str] = frozenset()
    tools = frozenset({"desk/add"})
    assert told == Asked((), False, 0, 0, False, nothing, tools, nothing, passthrough=True)
    for caps, word_ in (
        ({"models": ["gpt-*"], "max_total_tokens": 1, "streaming": False}, "holds"),
        ({"tool_names": ["desk/*"]}, "holds"),
        ({"tool_names": ["add"]}, "tool_not_allowed"),
        ({"tools": False}, "tools_not_allowed"),
        ({"passthrough": False}, "passthrough_not_allowed"),
        ({"strict": True, "tool_names": ["desk/add"]}, "passthrough_not_allowed"),
        ({"strict": True, "tool_names": ["desk/add"], "passthrough": True}, "holds"),
    ):
        kernel = started(caps=caps, budget=10**12)
        assert word_ in word(kernel(admit("e1", quote=found.quote, asked=told))), caps
