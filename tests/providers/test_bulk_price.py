"""What a batch costs: its own prices, the model of each result, and a bill rounded up once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from providers.bulk import Collector
from providers.bulk_meters import ResultsMeter
from providers.bulk_price import Bill, Tally, in_batch, quote, total
from providers.price import Price
from providers.prices import ModelOverride, PriceBook
from providers.unquotable import UnknownPrice, UnknownUnit
from providers.wire import Facts, Usage
from tests.providers.batches import CHAT, MODEL, bulk

AT = datetime(2026, 11, 20, tzinfo=UTC)
BOOK = PriceBook(
    {"my-model": ModelOverride("openai", Decimal(2), Decimal(4))},
)
ONE = {"input_tokens": 1_000_000, "output_tokens": 0}
CACHED = {**ONE, "cache_read_tokens": 1_000_000}


def price(model: str, provider: str = "openai") -> Price:
    return BOOK.price(provider, model, AT)


@pytest.mark.parametrize(
    ("provider", "model", "counts", "nanousd"),
    [
        # As the catalogue has them.
        ("openai", "gpt-4o-mini", ONE, 75_000_000),
        ("openai", "gpt-4o-mini", CACHED, 75_000_000),
        ("anthropic", "claude-haiku-4-5", ONE, 500_000_000),
        ("anthropic", "claude-haiku-4-5", CACHED, 50_000_000),
        ("groq", "openai/gpt-oss-120b", ONE, 75_000_000),
        # It has none: half, where the provider says so of all.
        ("openai", "text-embedding-3-small", ONE, 10_000_000),
        ("anthropic", "claude-opus-4-1", ONE, 7_500_000_000),
        ("anthropic", "claude-opus-4-1", CACHED, 750_000_000),
        # It is not known what caches cost in a batch, or whether it has a price of its own.
        ("openai", "o1-mini", ONE, price("o1-mini").bill(Usage(ONE))),
        ("groq", "llama-3.3-70b-versatile", ONE, 590_000_000),
        # What the operator says is taken as it stands.
        ("openai", "my-model", ONE, 2_000_000_000),
    ],
)
def test_prices_of_batches(provider: str, model: str, counts: dict[str, int], nanousd: int) -> None:
    """The catalogue's, else half, else the standard ones; whatever tier an answer names."""
    found = in_batch(price(model, provider))
    for tier in (None, "default", "auto", "batch"):
        assert found.bill(Usage(counts, None, tier)) == nanousd


def test_surcharges_come_on_top() -> None:
    """A region that is dearer is so in a batch, and is not reserved at twice that."""
    plain = price("claude-opus-4-6", "anthropic")
    found = in_batch(plain)
    assert "batch us" in plain.by_service_tier
    for tier in ("us", "batch us"):
        assert found.bill(Usage(ONE, None, tier)) * 10 == found.bill(Usage(ONE)) * 11


def test_a_dearer_tier_stays_dear() -> None:
    """A line that asks for it is bounded by it."""
    found = in_batch(price(MODEL))
    assert found.bill(Usage(ONE, None, "priority")) == price(MODEL).bill(
        Usage(ONE, None, "priority")
    )


def test_a_batch_is_the_sum_of_its_calls() -> None:
    """All input and every cap, or the longest answer where a call has none."""
    nanousd, tokens = quote(bulk(3), price)
    assert (nanousd, tokens) == (3 * (100 * 75 + 50 * 300), 300)
    longest = quote(bulk(1, output_tokens_cap=None), price)[0]
    assert longest == 100 * 75 + 16_384 * 300
    assert quote(bulk(2, choices=3), price)[0] == 2 * (100 * 75 + 150 * 300)


def test_what_has_no_price_is_not_quoted() -> None:
    """A model, or a tool of the provider's that has a fee."""
    with pytest.raises(UnknownPrice):
        quote(bulk(model="nobody-knows"), price)
    searching = bulk(model="text-embedding-3-small", has_output=False)
    assert quote(searching, price)[0] == 3 * 100 * 10
    with pytest.raises(UnknownUnit):
        quote(bulk(charges={"rerank_searches": 1}), price)


def test_tools_of_the_provider_are_bounded_by_their_limit() -> None:
    """Each use runs the model anew, and has its fee, in a batch too."""
    with_tool = bulk(1, server_calls_max=2, server_units=frozenset({"web_searches"}))
    assert quote(with_tool, price)[0] >= 2 * 10_000_000


def mixed(*models: str, provider: str = "openai") -> Bill:
    found = Collector()
    for model in models:
        found.add(Facts(CHAT, "metered", model, output_tokens_cap=1))
    return Bill(found.bulk(CHAT, "d"), lambda model: price(model, provider))


@pytest.mark.parametrize(
    ("models", "said", "like"),
    [
        (("gpt-4o-mini",), "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        (("gpt-4o-mini",), "anything", "gpt-4o-mini"),
        (("gpt-4o-mini",), None, "gpt-4o-mini"),
        (("gpt-4o", "gpt-4o-mini"), "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        (("gpt-4o", "gpt-4o-mini"), "gpt-4o-2024-08-06", "gpt-4o"),
        (("gpt-4o", "gpt-4o-mini"), "anything", "gpt-4o"),
        (("gpt-4o", "gpt-4o-mini"), None, "gpt-4o"),
        (("my-model", "gpt-4o-mini"), "my-model", "my-model"),
    ],
)
def test_a_result_is_billed_as_the_model_that_was_asked(
    models: tuple[str, ...], said: str | None, like: str
) -> None:
    """By its name or a version of it; as the dearest where that leaves it open."""
    bill = mixed(*models)
    bill.add(Usage(ONE, said, "default"))
    assert bill.nanousd == in_batch(price(like)).bill(Usage(ONE))


@pytest.mark.parametrize(
    ("said", "like"),
    [
        ("claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-opus-4-1-20250805", "claude-opus-4-1"),
        ("claude-opus-3", "claude-opus-4-1"),
    ],
)
def test_an_alias_is_known_by_the_date_that_it_stands_for(said: str, like: str) -> None:
    """Answers name the date, never the alias; it is not billed as the dearest beside it."""
    asked = ("claude-3-5-haiku-latest", "claude-sonnet-4-0", "claude-sonnet-4-5", "claude-opus-4-1")
    bill = mixed(*asked, provider="anthropic")
    bill.add(Usage(ONE, said, "batch"))
    assert bill.nanousd == in_batch(price(like, "anthropic")).bill(Usage(ONE))


def test_a_bill_is_rounded_up_once() -> None:
    """A token at 75/1000 of a nano-dollar times many is not many nano-dollars."""
    bill = mixed("text-embedding-3-small")
    for _ in range(1_000):
        bill.add(Usage({"input_tokens": 1}))
    assert bill.nanousd == 10_000
    assert bill.counts == {"input_tokens": 1_000}
    odd = mixed("gpt-4o-mini")
    for _ in range(3):
        odd.add(Usage({"input_tokens": 1, "output_tokens": 0}))
    assert odd.nanousd == 225


def test_a_sum_tells_the_bill_of_one_model() -> None:
    """If its prices are the same for calls of any length, and there are tokens of text alone."""
    usage = Usage({"input_tokens": 300, "output_tokens": 10})
    assert total(bulk(3), usage, price) == (300 * 75 + 10 * 300, usage.counts)
    image = frozenset({"text", "image"})
    for other in (
        bulk(3, modalities=image),
        bulk(3, server_units=frozenset({"web_searches"})),
        bulk(3, charges={"web_searches": 1}),
        bulk(3, service_tier="priority"),
        bulk(0),
    ):
        assert total(other, usage, price) is None
    tiered = bulk(3, model="claude-sonnet-4-5")
    assert total(tiered, usage, lambda model: price(model, "anthropic")) is None


def test_a_tally_bills_what_passes() -> None:
    """Line by line, and tells the total once all has come."""
    reader = ResultsMeter(Usage, 2, 2)
    tally = Tally(reader, mixed(MODEL))
    data = b'{"input_tokens":10,"output_tokens":1}\n'
    assert tally.feed(data + data[:-1]) == data + data[:-1]
    assert tally.total() is None
    assert tally.finish() == b""
    assert tally.total() == (2 * (10 * 75 + 300), {"input_tokens": 20, "output_tokens": 2})
    assert tally.reading().usage is None


def test_a_count_that_no_log_can_hold_is_none() -> None:
    """The batch then stays at its bound."""
    tally = Tally(ResultsMeter(lambda _line: Usage({"input_tokens": 2**53}), 1, 1), mixed(MODEL))
    tally.feed(b"{}")
    tally.finish()
    assert tally.total() is None
