"""Reading the price catalogue: who sells what under which name."""

from __future__ import annotations

import re

import pytest
from genai_prices.data_snapshot import get_snapshot

from providers import catalogue
from tests.providers.catalogue import AT


@pytest.mark.parametrize(
    ("price_as", "model", "listed"),
    [
        ("openai", "gpt-4o", ("openai", "gpt-4o")),
        ("openai", "a:b", ("openai", "a:b")),
        ("hub_{suffix}", "maker/m:seller", ("hub_seller", "maker/m")),
        ("hub_{suffix}", "m:tag:seller", ("hub_seller", "m:tag")),
        ("hub_{suffix}", "maker/m", ("", "maker/m")),
        ("hub_{suffix}", "m:", ("hub_", "m")),
    ],
)
def test_names_of_the_catalogue(price_as: str, model: str, listed: tuple[str, str]) -> None:
    """A row names its seller, or leaves it to the model's name."""
    assert catalogue.listed_as(price_as, model) == listed


def test_a_seller_that_is_not_listed() -> None:
    """It is refused with the nearest that is; one that the model's name completes is not judged."""
    catalogue.check_seller("groq")
    catalogue.check_seller("hub_{suffix}")
    with pytest.raises(ValueError, match=re.escape("no provider 'grok'; did you mean 'groq'?")):
        catalogue.check_seller("grok")


def test_what_has_no_price_is_not_found() -> None:
    """Unknown sellers and models are none, and a model without token prices has no price."""
    assert catalogue.find("", "gpt-4o") is None
    assert catalogue.find("openai", "no-such-model") is None
    found = catalogue.find("openai", "omni-moderation-latest")
    assert found is not None
    assert catalogue.price("openai", "m", "omni-moderation-latest", found, AT) is None


def test_the_name_that_customers_use_stays() -> None:
    """The price is the listed model's, under the name that was asked for."""
    found = catalogue.find("openai", "gpt-4o")
    assert found is not None
    price = catalogue.price("mirror", "ours", "gpt-4o", found, AT)
    assert price is not None
    assert (price.provider, price.model, price.model_id) == ("mirror", "ours", "gpt-4o")
    assert price.max_output_tokens == 16_384


def test_look_ups_leave_nothing_behind() -> None:
    """Names come from agents; the snapshot's own memory does not grow by them."""
    snapshot = get_snapshot()
    before = len(snapshot._lookup_cache), len(snapshot._provider_cache)
    for number in range(5):
        catalogue.find("openai", f"made-up-{number}")
    assert (len(snapshot._lookup_cache), len(snapshot._provider_cache)) == before


@pytest.mark.parametrize("price_as", ["fireworks", "huggingface_{suffix}", "nobody"])
def test_listed_names_find_their_models(price_as: str) -> None:
    """Every name that is shown to people is one under which the model is found."""
    names = catalogue.models(price_as)
    assert bool(names) is (price_as != "nobody")
    assert all(catalogue.find(*catalogue.listed_as(price_as, name)) for name in names)
