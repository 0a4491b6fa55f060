"""Messages requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.anthropic_messages import ANTHROPIC_MESSAGES, PATH
from providers.prices import ModelOverride, PriceBook
from providers.unquotable import UnknownTier, UnknownUnit
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"name": "look_up", "description": "Looks up.", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
THINKING = {"type": "enabled", "budget_tokens": 4_000}
WRITES = frozenset({"cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"})


class TestContract(WireFormatContract):
    """Messages keep the contract."""

    wire_format = ANTHROPIC_MESSAGES
    default = Call("anthropic", "POST", PATH, "beta=true", {}, b"")


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    document = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO, **fields}
    return Call("anthropic", "POST", PATH, "", {}, json.dumps(document).encode())


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return ANTHROPIC_MESSAGES.read(call(**fields))


def patched(grant: Grant, **fields: Any) -> dict[str, Any]:
    """What is sent after a grant."""
    request = call(**fields)
    sent = ANTHROPIC_MESSAGES.patch(request, ANTHROPIC_MESSAGES.read(request), grant)
    return dict(json.loads(sent))


def test_it_claims_its_one_path() -> None:
    """Only POST, and only the exact path; the query does not matter."""
    assert ANTHROPIC_MESSAGES.claims(Call("anthropic", "POST", PATH, "beta=true", {}, b""))
    for method, path in [("GET", PATH), ("POST", f"{PATH}/batches"), ("POST", f"{PATH}/")]:
        assert not ANTHROPIC_MESSAGES.claims(Call("anthropic", method, path, "", {}, b""))


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None},
        {"model": ""},
        {"messages": None},
        {"messages": []},
        {"messages": "hi"},
        {"max_tokens": -1},
        {"max_tokens": "9"},
        {"max_tokens": True},
        {"stream": "true"},
        {"tools": {}},
        {"thinking": []},
        {"thinking": "on"},
    ],
    ids=json.dumps,
)
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What the API would not take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


def test_facts_name_what_the_price_depends_on() -> None:
    """Cap, stream, model and region are read, and nothing is to be hidden from a stream."""
    facts = read(stream=True, service_tier="auto")
    assert (facts.kind, facts.model, facts.endpoint) == ("metered", "claude-sonnet-4-5", PATH)
    assert (facts.output_tokens_cap, facts.stream, facts.usage_wanted) == (64, True, True)
    assert (facts.service_tier, facts.premium_tier) == ("us", False)
    assert read(inference_geo="global").service_tier is None
    assert read(max_tokens=0).output_tokens_cap == 0
    assert read(max_tokens=None).output_tokens_cap is None


def test_all_that_is_sent_bounds_the_input() -> None:
    """System, tools and text count, each by its bytes at least; wide text by its longest form."""
    plain = read().input_tokens_max
    assert plain >= len(call().body)
    assert read(system="x" * 500).input_tokens_max >= plain + 500
    assert read(tools=[{**TOOL, "description": "x" * 500}]).input_tokens_max >= plain + 500 + 804
    ligature = [{"role": "user", "content": "\ufdfa" * 100}]
    assert read(messages=ligature).input_tokens_max >= 3_300


def test_pictures_count_as_pictures() -> None:
    """The data of a picture is not text; its tokens are the most that the model scales it to."""
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    plain = read(messages=[{"role": "user", "content": []}]).input_tokens_max
    standard = read(messages=messages).input_tokens_max
    assert plain + 1_568 <= standard < plain + 2_000
    sharp = read(messages=messages, model="claude-opus-4-7").input_tokens_max
    assert sharp - standard == pytest.approx(4_784 - 1_600, abs=9)


def test_what_was_not_sent_is_left_to_the_window() -> None:
    """Documents that are only named and conversations that the provider holds."""
    document = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}
    assert read(messages=[{"role": "user", "content": [document]}]).input_unseen
    assert read(thread={"type": "continue", "previous_message_id": "msg_1"}).input_unseen
    assert not read(thread={"type": "create"}).input_unseen
    assert not read().input_unseen


def test_caches_are_written_only_where_that_is_asked_for() -> None:
    """Without a breakpoint no write is billed, and for an hour only where an hour is named."""
    hour = {"type": "ephemeral", "ttl": "1h"}
    system = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    assert read().unbilled == WRITES
    assert read(system=system).unbilled == {"cache_write_1h_tokens"}
    assert read(cache_control=hour).unbilled == frozenset()
    assert read(system=system, tools=[{**TOOL, "cache_control": hour}]).unbilled == frozenset()
    talk = [{"role": "user", "content": 'Say "cache_control" and "1h".'}]
    assert read(messages=talk).unbilled == WRITES
    for escaped in (rb"cache_contro\u006c", rb"\u0063ache_control"):
        body = call(cache_control=hour).body.replace(b"cache_control", escaped)
        facts = ANTHROPIC_MESSAGES.read(Call("anthropic", "POST", PATH, "", {}, body))
        assert facts.unbilled == frozenset()


@pytest.mark.parametrize(
    ("model", "thinking", "hidden"),
    [
        ("claude-opus-4-8", None, False),
        ("claude-opus-4-8", {"type": "adaptive"}, True),
        ("claude-opus-4-8", {"type": "something-new"}, True),
        ("claude-haiku-4-5", THINKING, True),
        ("claude-haiku-4-5", {"type": "disabled"}, False),
        ("claude-opus-5", None, True),
        ("claude-opus-5", {"type": "disabled"}, False),
        ("claude-of-tomorrow", None, True),
    ],
)
def test_thinking_hides_output(model: str, thinking: Any, hidden: bool) -> None:
    """It is billed in full and sent in part; without it all that is billed is sent."""
    fields = {} if thinking is None else {"thinking": thinking, "max_tokens": 8_000}
    assert read(model=model, **fields).hidden_output is hidden


def test_a_cap_is_written_but_never_raised() -> None:
    """A granted cap goes into the request where it is lower, or where there is none."""
    assert patched(Grant(5))["max_tokens"] == 5
    assert patched(Grant(5), max_tokens=None)["max_tokens"] == 5
    for grant in (Grant(), Grant(64), Grant(100)):
        request = call()
        facts = ANTHROPIC_MESSAGES.read(request)
        assert ANTHROPIC_MESSAGES.patch(request, facts, grant) is request.body


@pytest.mark.parametrize(
    ("asked", "budget", "cap", "written"),
    [
        (8_000, 4_000, 7_000, 3_000),
        (8_000, 4_000, 6_000, 2_000),
        (8_000, 4_000, 3_000, 1_024),
        (8_000, 4_000, 1_025, 1_024),
        (4_000, 9_000, 3_000, 9_000),
        (8_000, "many", 3_000, "many"),
    ],
)
def test_the_thinking_budget_follows_the_cap(
    asked: int, budget: Any, cap: int, written: Any
) -> None:
    """It shrinks with the cap and leaves the answer its room, but never below what is taken."""
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    sent = patched(Grant(cap), max_tokens=asked, thinking=thinking)
    assert sent["thinking"] == {**thinking, "budget_tokens": written}
    assert sent["max_tokens"] == cap
    assert read(max_tokens=asked, thinking=thinking).output_tokens_least == 1_025


def test_adaptive_thinking_needs_no_room() -> None:
    """Only a budget of its own has a least cap, and only that is changed."""
    thinking = {"type": "adaptive"}
    assert read(thinking=thinking).output_tokens_least == 1
    assert patched(Grant(5), thinking=thinking)["thinking"] == thinking


def test_searches_are_bounded_by_the_request_or_the_operator() -> None:
    """`max_uses` holds them; where it is missing, what was granted is written in."""
    bounded = read(tools=[TOOL, {**SEARCH, "max_uses": 3}])
    assert (bounded.server_calls_max, bounded.server_units) == (3, {"web_searches"})
    assert (bounded.model_runs_max, bounded.input_unseen) == (10, True)
    assert read(tools=[SEARCH]).server_calls_max is None
    sent = patched(Grant(None, 4), tools=[TOOL, SEARCH])
    assert sent["tools"] == [TOOL, {**SEARCH, "max_uses": 4}]


def test_the_fee_of_searches_is_reserved() -> None:
    """Ten runs over a whole window, and so many searches at a cent each."""
    price = PriceBook().price("anthropic", "claude-sonnet-4-5", AT)
    quote = price.quote(read(tools=[{**SEARCH, "max_uses": 3}]), 3)
    window = 210_000
    assert quote.input_tokens == 10 * window
    assert quote.fixed_nanousd >= 10 * window * 3_000 + 3 * 10_000_000
    bare = ModelOverride("anthropic", *[price.standard.per_call()] * 2, context_window=9)
    with pytest.raises(UnknownUnit, match="web_searches"):
        PriceBook({"m": bare}).price("anthropic", "m", AT).quote(read(tools=[SEARCH]), 1)


def test_fast_mode_is_quoted_at_its_own_price() -> None:
    """Twice the price where it has one, refused where it has none."""
    fast = read(model="claude-opus-4-8", speed="fast", inference_geo="global")
    price = PriceBook().price("anthropic", "claude-opus-4-8", AT)
    assert price.quote(fast).output_rate_picousd == 50_000_000
    in_us = read(model="claude-opus-4-8", speed="fast")
    assert price.quote(in_us).output_rate_picousd == 55_000_000
    with pytest.raises(UnknownTier):
        PriceBook().price("anthropic", "claude-opus-4-7", AT).quote(fast)


def test_a_summary_is_reserved_where_it_may_be_written() -> None:
    """Once the input may reach the trigger: one more run, and the longest output beside the cap."""
    edit = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}
    management = {"edits": [edit]}
    long = [{"role": "user", "content": "x" * 50_000}]
    short = read(context_management=management)
    assert (short.model_runs_max, short.summaries_max) == (None, 0)
    compacting = read(context_management=management, messages=long)
    assert (compacting.model_runs_max, compacting.summaries_max) == (2, 1)
    assert read(compaction={"type": "summarize"}).summaries_max == 1
    with pytest.raises(Refused, match="Compaction"):
        read(context_management=management, tools=[{**SEARCH, "max_uses": 1}])
