"""Where prices come from, and what has none."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot

from providers.prices import CACHE_SIZE, ModelOverride, PriceBook
from providers.provider import Provider
from providers.unquotable import UnknownPrice
from providers.wire import Usage
from tests.providers.catalogue import AT

ONE_EACH = Usage({"input_tokens": 10**6, "output_tokens": 10**6})


def test_the_catalogue_is_named_with_its_version() -> None:
    """A booked price can be traced to the data it came from."""
    price = PriceBook().price("openai", "gpt-4o", AT)
    assert price.source.startswith("catalogue genai-prices ")
    assert (price.model_id, price.max_output_tokens) == ("gpt-4o", 16_384)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", "claude-3-5-haiku-latest"),
        ("no-such-provider", "gpt-4o"),
        ("openai", "omni-moderation-latest"),
    ],
)
def test_without_any_price_there_is_none(provider: str, model: str) -> None:
    """Unknown, foreign, free and subscribed models are all unpriced, never zero."""
    with pytest.raises(UnknownPrice) as caught:
        PriceBook().price(provider, model, AT)
    assert model in caught.value.remedy
    assert "aex.toml" in caught.value.remedy


def test_the_operators_price_wins_for_its_provider() -> None:
    """An override is taken by exact name and provider, with all its limits."""
    override = ModelOverride(
        provider="openai",
        input_usd_per_mtok=Decimal("1.5"),
        output_usd_per_mtok=Decimal(3),
        max_output_tokens=77,
        context_window=1000,
        hidden_output=True,
    )
    book = PriceBook({"gpt-4o": override})
    price = book.price("openai", "gpt-4o", AT)
    assert (price.source, price.hidden_output) == ("config", True)
    assert (price.max_output_tokens, price.input_window) == (77, 1000)
    assert price.bill(ONE_EACH) == 4_500_000_000
    assert book.price("azure", "gpt-4o", AT).source != "config"
    assert book.price("openai", "gpt-4o-2024-08-06", AT).source != "config"


def test_cached_tokens_without_a_price_of_their_own_cost_what_input_costs() -> None:
    """Leaving a cache price out never makes cached tokens free."""
    book = PriceBook({"m": ModelOverride("openai", Decimal(1), Decimal(2))})
    usage = Usage({"input_tokens": 10, "cache_read_tokens": 9, "output_tokens": 0})
    assert book.price("openai", "m", AT).bill(usage) == 10_000


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_impossible_overrides_fail_at_once(amount: str) -> None:
    """Bad config is an error when it is read, not on a call."""
    with pytest.raises(ValueError, match="gpt-x"):
        PriceBook({"gpt-x": ModelOverride("openai", Decimal(amount), Decimal(1))})


def test_a_resellers_price_says_so() -> None:
    """Azure serves OpenAI's models at OpenAI's price, and `source` tells."""
    own = PriceBook().price("openai", "gpt-4.1", AT)
    resold = PriceBook().price("azure", "gpt-4.1", AT)
    assert resold.bill(ONE_EACH) == own.bill(ONE_EACH)
    assert resold.by_service_tier == {} or resold.source == own.source


def test_a_window_that_the_catalogue_lacks_is_filled_in() -> None:
    """Without one, no call that reads what was not sent could be admitted."""
    book = PriceBook()
    assert book.price("google", "gemini-2.5-pro", AT).input_window == 1_048_576
    assert book.price("google", "gemini-2.5-flash", AT).input_window == 1_048_576 * 105 // 100 + 1


def test_tiers_are_found_under_whichever_key_the_catalogue_has() -> None:
    """A tier of service, of speed or of processing is a table of its own, by its own name."""
    fast = PriceBook().price("anthropic", "claude-opus-4-8", AT).by_service_tier
    assert set(fast) == {"fast", "batch", "us", "fast us", "batch us"}
    counts = {"input_tokens": 10**6, "output_tokens": 10**6}
    assert [int(fast[tier].bill(counts)) for tier in ("batch", "us", "fast", "fast us")] == [
        *(15, 33, 60, 66)
    ]
    assert "flex" in PriceBook().price("openai", "o3", AT).by_service_tier


def test_surcharges_hold_for_the_operators_prices_too() -> None:
    """A price in the config is of the standard tier; what a region adds comes on top."""
    override = ModelOverride("anthropic", Decimal(1), Decimal(2))
    price = PriceBook({"claude-x": override}).price("anthropic", "claude-x", AT)
    counts = {"input_tokens": 10**6, "output_tokens": 0}
    assert price.bill(Usage(counts, service_tier="us")) == 1_100_000_000
    old = PriceBook().price("anthropic", "claude-opus-4-5", AT)
    assert old.bill(Usage(counts, service_tier="us")) == old.bill(Usage(counts))


def test_prices_follow_their_dates() -> None:
    """o3 became cheaper on 10 June 2025, and each side of it has its own price."""
    book = PriceBook()
    before = book.price("openai", "o3", datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC))
    after = book.price("openai", "o3", datetime(2025, 6, 10, tzinfo=UTC))
    assert (before.bill(ONE_EACH), after.bill(ONE_EACH)) == (50_000_000_000, 10_000_000_000)


def test_made_up_names_do_not_pile_up() -> None:
    """Agents choose names, so neither cache here nor the catalogue's grows with them."""
    book, snapshot = PriceBook(), get_snapshot()
    before = len(snapshot._lookup_cache), len(snapshot._provider_cache)
    for number in range(CACHE_SIZE + 5):
        with pytest.raises(UnknownPrice):
            book.price("openai", f"made-up-{number}", AT)
    assert (len(snapshot._lookup_cache), len(snapshot._provider_cache)) == before
    assert book._find.cache_info().currsize == CACHE_SIZE


def row(id_: str, **fields: Any) -> Provider:
    """A provider's row that matters for prices alone."""
    return replace(Provider(id_, (), "", (), "", ()), **fields)


def test_a_provider_may_be_priced_as_another() -> None:
    """A mirror of one's own sells at the prices of whom its row names, with that one's limits."""
    book = PriceBook(providers=[row("mirror", price_as="openai")])
    own, mirrored = PriceBook().price("openai", "gpt-4o", AT), book.price("mirror", "gpt-4o", AT)
    assert mirrored.bill(ONE_EACH) == own.bill(ONE_EACH)
    assert (mirrored.provider, mirrored.max_output_tokens) == ("mirror", own.max_output_tokens)
    with pytest.raises(UnknownPrice):
        book.price("mirror", "claude-sonnet-4-5", AT)


def test_a_model_s_name_may_say_who_sells_it() -> None:
    """After the last colon stands the seller; a name without one leaves the price open."""
    book = PriceBook(providers=[row("router", price_as="huggingface_{suffix}")])
    model = "openai/gpt-oss-120b"
    sold = book.price("router", f"{model}:groq", AT)
    assert sold.bill(ONE_EACH) == PriceBook().price("huggingface_groq", model, AT).bill(ONE_EACH)
    for unsaid in (model, f"{model}:", f"{model}:nobody", f"{model}:{{suffix}}", "groq"):
        with pytest.raises(UnknownPrice):
            book.price("router", unsaid, AT)


def test_a_free_provider_s_models_cost_nothing() -> None:
    """Every model of a server of one's own is known, unless it is given a price."""
    priced = ModelOverride("mine", Decimal(1), Decimal(2))
    book = PriceBook({"dear": priced}, [row("mine", free=True)])
    assert book.price("mine", "anything", AT).bill(ONE_EACH) == 0
    assert book.price("mine", "dear", AT).bill(ONE_EACH) == 3_000_000_000


def test_names_of_the_customer_say_nothing() -> None:
    """A deployment called like a model need not be it; only the operator can say what it is."""
    alike = ModelOverride("azure", price_as="gpt-4o")
    book = PriceBook({"gpt-4o-mini": alike}, [row("azure", own_names=True)])
    with pytest.raises(UnknownPrice, match=r"gpt-4\.1"):
        book.price("azure", "gpt-4.1", AT)
    found = book.price("azure", "gpt-4o-mini", AT)
    assert found.bill(ONE_EACH) == PriceBook().price("openai", "gpt-4o", AT).bill(ONE_EACH)
    assert (found.model, found.model_id) == ("gpt-4o-mini", "gpt-4o")
    assert found.source.endswith(", as gpt-4o by config")


def test_limits_beside_a_catalogue_price() -> None:
    """What the operator says of a model stands above what the catalogue says of it."""
    override = ModelOverride(
        "openai", price_as="gpt-4o", max_output_tokens=5, context_window=6, hidden_output=True
    )
    price = PriceBook({"mine": override}).price("openai", "mine", AT)
    assert (price.max_output_tokens, price.input_window, price.hidden_output) == (5, 6, True)


def test_one_name_at_two_providers() -> None:
    """`provider/model` prices each of them; a model whose own name has a slash is no such key."""
    overrides = {
        "openai/same": ModelOverride("openai", Decimal(1), Decimal(1)),
        "groq/same": ModelOverride("groq", Decimal(2), Decimal(2)),
        "openai/own-model": ModelOverride("groq", Decimal(3), Decimal(3)),
    }
    book = PriceBook(overrides)
    bills = [
        book.price(provider, model, AT).bill(ONE_EACH) // 10**9
        for provider, model in (
            ("openai", "same"),
            ("groq", "same"),
            ("groq", "openai/own-model"),
        )
    ]
    assert bills == [2, 4, 6]
    with pytest.raises(UnknownPrice):
        book.price("openai", "own-model", AT)


@pytest.mark.parametrize(
    ("overrides", "rows", "message"),
    [
        ({"m": ModelOverride("openai")}, [], 'models."m": needs input_usd_per_mtok, or price_as'),
        (
            {"m": ModelOverride("openai", price_as="gpt-0")},
            [],
            "models.\"m\": the price catalogue has no 'gpt-0' of openai",
        ),
        (
            {},
            [row("mine", price_as="opnai")],
            "providers.mine.price_as: the price catalogue has no provider 'opnai'; did you mean",
        ),
    ],
)
def test_names_that_the_catalogue_lacks(
    overrides: dict[str, ModelOverride], rows: list[Provider], message: str
) -> None:
    """A price by a name that nothing has fails when the config is read, naming its key."""
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        PriceBook(overrides, rows)
