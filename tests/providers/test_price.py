"""The two laws of money: a bill is exact, and no reserve is below its bill."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from genai_prices import Usage as CatalogueUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from providers.price import Price, reserve
from providers.prices import ModelOverride, PriceBook
from providers.provider import Provider
from providers.unquotable import (
    UnknownLength,
    UnknownPart,
    UnknownPrice,
    UnknownTier,
    UnknownUnit,
    UnknownWindow,
)
from providers.wire import Facts, Usage
from tests.providers.catalogue import AT, priced

TIERS = st.sampled_from([None, "auto", "default", "flex", "priority", "fast", "unheard-of"])
ALL = frozenset({"text", "image", "audio", "video"})
PARTS = ("cache_read_tokens", "cache_write_tokens", "output_reasoning_tokens")
AUDIO = ("input_audio_tokens", "output_audio_tokens")


@cache
def prices() -> list[Price]:
    """Some hundred catalogue models of many kinds."""
    return [price for price in priced(every=3) if price.standard.prices("output_mtok")]


def chat(input_tokens: int, cap: int | None, choices: int, tier: str | None = None) -> Facts:
    """Facts of a chat call."""
    return Facts(
        endpoint="x",
        kind="metered",
        model="m",
        input_tokens_max=input_tokens,
        output_tokens_cap=cap,
        choices=choices,
        service_tier=tier,
    )


@st.composite
def usages(draw: st.DrawFn, input_max: int, output_max: int, keys: tuple[str, ...]) -> Usage:
    """Consistent usage within bounds, with any of the narrower parts."""
    total = {"input": draw(st.integers(0, input_max)), "output": draw(st.integers(0, output_max))}
    counts = {"input_tokens": total["input"], "output_tokens": total["output"]}
    for key in draw(st.lists(st.sampled_from(keys), unique=True)):
        side = "output" if key.startswith("output") else "input"
        counts[key] = draw(st.integers(0, total[side]))
        total[side] -= counts[key]
    return Usage(counts, service_tier=draw(TIERS))


@given(st.data())
def test_a_bill_is_the_catalogues_rounded_up_once(data: st.DataObject) -> None:
    """For any model and usage the bill is the catalogue's total, up to the next nano-dollar."""
    price = data.draw(st.sampled_from(prices()))
    usage = data.draw(usages(10**7, 10**6, PARTS))
    if usage.service_tier not in (*price.by_service_tier, None, "auto", "default", "flex"):
        usage = Usage(usage.counts)
    keys = ("service_tier", "speed", "processing")
    context = dict.fromkeys(keys, usage.service_tier) if usage.service_tier else None
    expected = calc_price(
        CatalogueUsage(**usage.counts),
        model_ref=price.model,
        provider_id=price.provider,
        genai_request_timestamp=AT,
        price_context=context,
    ).total_price
    assert price.bill(usage) == math.ceil(expected * 10**9)


@pytest.mark.parametrize("tier", ["unheard-of", "priority", "us"])
def test_a_tier_that_is_not_known_is_billed_at_the_dearest(tier: str) -> None:
    """Whatever serves a call under a name without a price, it is not booked at the standard one."""
    counts = {"input_tokens": 1000, "output_tokens": 100}
    several = PriceBook().price("anthropic", "claude-opus-4-8", AT)
    assert several.bill(Usage(counts, service_tier=tier)) == (
        several.bill(Usage(counts, service_tier="fast us" if tier != "us" else "us"))
    )
    only = PriceBook().price("groq", "llama-3.1-8b-instant", AT)
    assert only.bill(Usage(counts, service_tier=tier)) == only.bill(Usage(counts))
    for cheap in ("standard", "scale", "on_demand", "standard_only", "flex"):
        assert several.bill(Usage(counts, service_tier=cheap)) == several.bill(Usage(counts))


def test_fifty_and_more_models_are_covered() -> None:
    """The property tests run over many models of many kinds, tiered and tier-priced ones too."""
    assert len(prices()) >= 50
    assert any(price.by_service_tier for price in prices())
    assert any(rate.tiers for p in prices() for rate in p.standard._by_key.values())


@given(st.data(), st.integers(0, 2_000_000), st.integers(1, 200_000), st.integers(1, 8))
def test_no_reserve_is_below_its_bill(
    data: st.DataObject, input_max: int, cap: int, choices: int
) -> None:
    """Whatever is billed within the bounds, standard or at the named tier, was reserved."""
    price = data.draw(st.sampled_from(prices()))
    facts = chat(input_max, cap, choices, data.draw(TIERS))
    quote = price.quote(facts)
    usage = data.draw(usages(quote.input_tokens, cap * choices, PARTS))
    served = data.draw(st.sampled_from([None, "default", facts.service_tier]))
    usage = Usage(usage.counts, service_tier=None if served == "auto" else served)
    held = reserve(quote, cap)
    assert price.bill(usage) <= held
    bound = price.usage_bound(quote.input_tokens, usage.counts["output_tokens"], facts)
    assert price.bill(usage) <= bound <= held


@given(st.data(), st.integers(0, 2_000_000), st.integers(1, 200_000))
def test_all_modalities_are_covered_where_they_may_occur(
    data: st.DataObject, input_max: int, cap: int
) -> None:
    """With audio allowed for, audio parts of the usage stay within the reserve too."""
    price = data.draw(st.sampled_from(prices()))
    facts = Facts("x", "metered", input_tokens_max=input_max, modalities=ALL)
    usage = data.draw(usages(input_max, cap, PARTS + AUDIO))
    usage = Usage(usage.counts)
    try:
        exact = price.standard._price.calc_price(CatalogueUsage(**usage.counts))
    except ValueError:
        return
    assert price.bill(usage) == math.ceil(exact["total_price"] * 10**9)
    assert price.bill(usage) <= reserve(price.quote(facts), cap)


def test_a_reserve_at_half_the_rate_would_be_caught() -> None:
    """The negative control: the law above fails for a bound that is too low."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    quote = price.quote(chat(1000, 100, 1))
    usage = Usage({"input_tokens": 1000, "output_tokens": 100})
    assert price.bill(usage) == reserve(quote, 100) == 1000 * 2500 + 100 * 10_000
    assert price.bill(usage) > reserve(quote, 50)


def test_caps_come_from_the_request_then_the_model_then_its_window() -> None:
    """The cap says where it came from, so that a cap nobody holds gets written."""
    book = PriceBook()
    known = book.price("openai", "gpt-4o", AT)
    assert (known.quote(chat(1, 7, 1)).output_tokens_cap, known.hidden_output) == (7, False)
    assert known.quote(chat(1, None, 1)).output_tokens_cap == 16_384
    assert known.quote(chat(1, None, 1)).cap_source == "model"
    override = ModelOverride("openai", Decimal(1), Decimal(2))
    bare = PriceBook({"x": override}).price("openai", "x", AT)
    assert bare.quote(chat(1, None, 1)).output_tokens_cap == 131_072
    assert bare.quote(chat(1, None, 1)).cap_source == "default"


def test_the_window_bounds_text_calls_only() -> None:
    """Embeddings have a window per text, pictures are billed beyond it: it holds neither."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    embedding = PriceBook().price("openai", "text-embedding-3-small", AT)
    assert price.quote(chat(10**7, 1, 1)).input_tokens == 134_400
    pictures = Facts(
        "x", "metered", input_tokens_max=10**7, modalities=frozenset({"text", "image"})
    )
    assert price.quote(pictures).input_tokens == 10**7
    texts = Facts("x", "metered", input_tokens_max=10**7, has_output=False)
    quote = embedding.quote(texts)
    assert quote.input_tokens == 10**7
    assert reserve(quote, quote.output_tokens_cap) == 10**7 * 20


def test_output_without_a_price_is_unknown() -> None:
    """A model that has no output price cannot serve a call that has output."""
    price = PriceBook().price("openai", "text-embedding-3-small", AT)
    with pytest.raises(UnknownPrice):
        price.quote(chat(1, 1, 1))


def test_the_named_tier_is_taken_where_it_is_dearer() -> None:
    """Priority raises the reserve, flex does not lower it."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    standard = price.quote(chat(1000, 10, 1))
    assert price.quote(chat(1000, 10, 1, "flex")) == standard
    assert price.quote(chat(1000, 10, 1, "priority")).fixed_nanousd > standard.fixed_nanousd


def test_unknown_count_names_cost_nothing_and_warn_of_nothing() -> None:
    """A count that the catalogue has no name for is left out of the bill."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usage = Usage({"input_tokens": 1, "output_tokens": 1, "moon_tokens": 5})
        assert price.bill(usage) == 12_500


def test_time_of_day_changes_on_whole_minutes() -> None:
    """The catalogue's own boundaries are whole minutes, as the cache of prices assumes."""
    for provider in get_snapshot().providers:
        for info in provider.models:
            for entry in info.prices if isinstance(info.prices, list) else ():
                for edge in ("start_time", "end_time"):
                    at = getattr(entry.constraint, edge, None)
                    assert at is None or (at.second, at.microsecond) == (0, 0)
    book = PriceBook()
    noon = book.price("openai", "gpt-4o", AT)
    assert book.price("openai", "gpt-4o", AT + timedelta(seconds=59)) is noon
    assert book.price("openai", "gpt-4o", AT + timedelta(seconds=60)) is not noon


def searching(**changes: Any) -> Facts:
    """A call in which the provider may search."""
    known = {"input_tokens_max": 10, "server_units": frozenset({"web_searches"})}
    return Facts("x", "metered", output_tokens_cap=1, **{**known, **changes})


def test_the_providers_own_tools_are_bounded_by_the_window() -> None:
    """Each use runs the model anew over at most a window, and costs its fee."""
    fee = {"web_searches": Decimal("0.01")}
    override = ModelOverride("openai", Decimal(1), Decimal(2), context_window=100, unit_usd=fee)
    price = PriceBook({"m": override}).price("openai", "m", AT)
    none, three = price.quote(searching()), price.quote(searching(), server_calls=3)
    assert (none.input_tokens, none.fixed_nanousd) == (10, 10 * 1000)
    assert (three.input_tokens, three.fixed_nanousd) == (400, 400 * 1000 + 3 * 10**7)
    pictures = searching(modalities=frozenset({"text", "image"}))
    assert price.quote(pictures, server_calls=1).input_tokens == 2 * (100 + 10)
    assert price.quote(searching(choices=2), server_calls=3).choices == 2
    anew = searching(choices=2, output_per_server_call=True)
    assert price.quote(anew, server_calls=3).choices == 8
    assert price.quote(anew).choices == 2


def test_media_that_fill_the_window_are_bounded_by_it() -> None:
    """Where pictures are billed as the tokens that fill the window, it bounds them like text."""
    override = ModelOverride("openai", Decimal(1), Decimal(2), context_window=100)
    price = PriceBook({"m": override}).price("openai", "m", AT)
    media = {"modalities": frozenset({"text", "image"}), "input_tokens_max": 500}
    assert price.quote(searching(**media)).input_tokens == 500
    filling = {**media, "media_fill_window": True}
    assert price.quote(searching(**filling)).input_tokens == 100
    assert price.quote(searching(**filling, input_unseen=True)).input_tokens == 100


def test_a_limit_of_runs_counts_in_place_of_the_tools() -> None:
    """Where the API says how often it runs the model, that bounds the input, used tools or not."""
    override = ModelOverride("openai", Decimal(1), Decimal(2), context_window=100)
    price = PriceBook({"m": override}).price("openai", "m", AT)
    runs = searching(server_units=frozenset(), model_runs_max=3)
    assert price.quote(runs).input_tokens == 3 * 10
    assert price.quote(replace(runs, input_unseen=True)).input_tokens == 3 * 100
    assert price.quote(runs, server_calls=9).input_tokens == 3 * 100


def test_summaries_are_as_long_as_an_answer_can_be() -> None:
    """What is written beside the answer is not held by its cap, but by the model's own."""
    longest = ModelOverride("openai", Decimal(1), Decimal(2), max_output_tokens=50)
    window = ModelOverride("openai", Decimal(1), Decimal(2), context_window=100)
    book = PriceBook({"m": longest, "w": window, "x": ModelOverride("openai", *[Decimal(2)] * 2)})
    for model, output in (("m", 50), ("w", 100), ("x", 131_072)):
        price = book.price("openai", model, AT)
        alone, beside = price.quote(searching()), price.quote(searching(summaries_max=1))
        assert beside.fixed_nanousd - alone.fixed_nanousd == output * 2000
        assert beside.output_tokens_cap == alone.output_tokens_cap == 1


def test_a_dearer_tier_needs_a_price() -> None:
    """A tier that costs more is quoted at its own price, and refused where it has none."""
    fast = searching(service_tier="fast", premium_tier=True)
    priced = PriceBook().price("anthropic", "claude-opus-4-8", AT)
    assert priced.quote(fast).fixed_nanousd == 2 * priced.quote(searching()).fixed_nanousd
    with pytest.raises(UnknownTier, match="'fast'") as raised:
        PriceBook().price("anthropic", "claude-opus-4-6", AT).quote(fast)
    assert raised.value.remedy


def test_units_that_a_call_cannot_be_billed_by_do_not_weigh() -> None:
    """Without a cache to write, input costs what input costs; otherwise the dearest write."""
    price = PriceBook().price("anthropic", "claude-opus-4-5", AT)
    writes = frozenset({"cache_write_tokens", "cache_write_1h_tokens"})
    for unbilled, rate in (
        (frozenset(), 10_000),
        ({"cache_write_1h_tokens"}, 6_250),
        (writes, 5_000),
    ):
        facts = searching(unbilled=frozenset(unbilled))
        assert price.quote(facts).fixed_nanousd == 10 * rate
        assert price.usage_bound(10, 0, facts) == 10 * rate


def test_input_that_was_not_sent_is_bounded_by_the_window() -> None:
    """Without a window there is no bound, and no quote."""
    window = ModelOverride("openai", Decimal(1), Decimal(2), context_window=100)
    book = PriceBook({"m": window, "bare": ModelOverride("openai", Decimal(1), Decimal(2))})
    unseen = searching(input_unseen=True)
    assert book.price("openai", "m", AT).quote(unseen).input_tokens == 100
    for facts, server_calls in ((unseen, 0), (searching(), 1)):
        with pytest.raises(UnknownWindow, match="window") as raised:
            book.price("openai", "bare", AT).quote(facts, server_calls)
        assert "context_window" in raised.value.remedy


def test_what_is_billed_beside_tokens_needs_a_price() -> None:
    """Units cost their price each; one without a price is refused with the lines that give it."""
    fees = {"web_searches": Decimal("0.01"), "rerank_searches": Decimal("0.002")}
    known = ModelOverride("openai", Decimal(0), Decimal(0), unit_usd=fees)
    price = PriceBook({"m": known}).price("openai", "m", AT)
    assert price.quote(searching(charges={"rerank_searches": 3})).fixed_nanousd == 6 * 10**6
    usage = Usage({"input_tokens": 0, "output_tokens": 0, "rerank_searches": 3})
    assert price.bill(usage) == 6 * 10**6
    with pytest.raises(UnknownUnit) as raised:
        price.quote(searching(charges={"audio_seconds": 3}))
    assert "audio_seconds" in raised.value.remedy
    with pytest.raises(ValueError, match="web_searches"):
        PriceBook(
            {"m": ModelOverride("openai", Decimal(0), Decimal(0), unit_usd={"x": Decimal(1)})}
        )


def test_a_stated_cost_is_the_bill() -> None:
    """What the provider says it bills counts, to the next nano-dollar, whatever the prices."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    usage = Usage({"input_tokens": 10, "output_tokens": 10}, cost_usd=Decimal("0.0000000012"))
    assert price.bill(usage) == 2


@given(st.data(), st.integers(0, 2_000_000))
def test_a_price_limit_is_what_the_quote_stands_for(data: st.DataObject, input_max: int) -> None:
    """A seller at the limit costs no more than was reserved."""
    price = data.draw(st.sampled_from(prices()))
    facts = chat(input_max, 1000, 1, data.draw(TIERS))
    quote = price.quote(facts)
    limits = price.usd_per_mtok(facts, quote.input_tokens)
    at_limit = quote.input_tokens * limits[0] + 1000 * limits[1]
    assert math.ceil(at_limit * 1000) <= reserve(quote, 1000)


def test_what_costs_nothing_needs_no_cap() -> None:
    """A free server's own limit holds: no cap is written that it might refuse."""
    free = Provider("mine", (), "", (), "", (), free=True)
    price = PriceBook(providers=[free]).price("mine", "any", AT)
    quote = price.quote(chat(100, None, 1))
    assert (quote.cap_source, reserve(quote, quote.output_tokens_cap)) == ("window", 0)
    assert price.bill(Usage({"input_tokens": 5, "output_tokens": 5})) == 0


def test_output_that_nothing_can_cap_is_reserved_in_full() -> None:
    """Where the request has no field for a cap, the longest answer is a fixed part of the quote."""
    long = ModelOverride("openai", Decimal(1), Decimal(2), max_output_tokens=100)
    book = PriceBook({"m": long, "bare": ModelOverride("openai", Decimal(1), Decimal(2))})
    facts = Facts("x", "metered", input_tokens_max=10, cap_writable=False)
    quote = book.price("openai", "m", AT).quote(facts)
    assert (quote.fixed_nanousd, quote.output_rate_picousd) == (10 * 1000 + 100 * 2000, 0)
    assert reserve(quote, 1) == reserve(quote, 100)
    with pytest.raises(UnknownLength, match="capped") as raised:
        book.price("openai", "bare", AT).quote(facts)
    assert "max_output_tokens" in raised.value.remedy


def test_unseen_input_that_costs_nothing_needs_no_window() -> None:
    """A server of one's own may read what it likes; at a price, something must bound it."""
    free = ModelOverride("openai", Decimal(0), Decimal(0))
    book = PriceBook({"f": free, "p": ModelOverride("openai", Decimal(1), Decimal(0))})
    facts = Facts("x", "metered", input_tokens_max=7, input_unseen=True, output_tokens_cap=1)
    quote = book.price("openai", "f", AT).quote(facts)
    assert (quote.input_tokens, quote.fixed_nanousd) == (7, 0)
    with pytest.raises(UnknownWindow):
        book.price("openai", "p", AT).quote(facts)


def test_a_length_that_the_request_implies_counts_where_nothing_can_cap() -> None:
    """It is no wish that a provider could cut to the longest answer of the model."""
    long = ModelOverride("openai", Decimal(0), Decimal(2), max_output_tokens=100)
    price = PriceBook({"m": long}).price("openai", "m", AT)
    facts = Facts("x", "metered", output_tokens_cap=150, choices=2, cap_writable=False)
    assert price.quote(facts).fixed_nanousd == 2 * 150 * 2000


def test_tokens_need_a_price_of_tokens() -> None:
    """A model that is sold by characters or seconds alone cannot be asked for anything else."""
    for model in ("tts-1", "whisper-1"):
        price = PriceBook().price("openai", model, AT)
        for facts in (
            Facts("x", "metered", input_tokens_max=1, has_output=False),
            Facts("x", "metered", output_tokens_cap=1),
        ):
            with pytest.raises(UnknownPrice):
                price.quote(facts)
    spoken = Facts("x", "metered", has_output=False, charges={"input_characters": 10})
    assert PriceBook().price("openai", "tts-1", AT).quote(spoken).fixed_nanousd == 150_000
    with pytest.raises(UnknownUnit):
        PriceBook().price("openai", "whisper-1", AT).quote(spoken)


def test_sound_needs_a_price_of_its_own() -> None:
    """Without one it would be reserved and billed as text; the remedy names the keys."""
    facts = Facts("", "metered", own_prices=frozenset({"output_audio_tokens"}))
    with pytest.raises(UnknownPart, match="output_audio_tokens") as caught:
        PriceBook().price("openai", "gpt-4o-audio-preview", AT).quote(facts)
    assert "output_audio_usd_per_mtok" in caught.value.remedy
    assert PriceBook().price("openai", "gpt-audio", AT).quote(facts).output_tokens_cap
