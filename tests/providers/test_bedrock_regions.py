"""Each region's host is governed, and what is dearer there has a name and a factor."""

from __future__ import annotations

from decimal import Decimal

import pytest
from botocore.loaders import Loader

from providers.bedrock_regions import DEFAULT_HOST, HOSTS, region_of, surcharge, surcharges
from providers.prices import ModelOverride, PriceBook
from tests.providers.catalogue import AT

NOVA, CLAUDE = "us.amazon.nova-lite-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


def host(region: str) -> str:
    return f"bedrock-runtime.{region}.amazonaws.com"


def test_the_hosts_that_the_library_of_aws_knows() -> None:
    """All of them are governed, but those of partitions that are not on the internet."""
    endpoints = Loader().load_data("endpoints")["partitions"]
    known = {
        entry["hostname"]
        for partition in endpoints
        if partition["partition"] in ("aws", "aws-us-gov")
        for name, entry in partition["services"]["bedrock"]["endpoints"].items()
        if name.startswith("bedrock-runtime")
    }
    assert known <= set(HOSTS)
    assert len(set(HOSTS)) == len(HOSTS)
    assert host("us-east-1") == DEFAULT_HOST
    assert all(region_of(each) for each in HOSTS)


@pytest.mark.parametrize(
    ("region", "model", "factor"),
    [
        ("us-east-1", NOVA, None),
        ("us-west-2", NOVA, None),
        ("eu-central-1", NOVA, "1.35"),
        ("eu-west-2", NOVA, "1.6"),
        ("sa-east-1", NOVA, "1.7"),
        ("me-central-1", NOVA, "1.7"),
        ("ap-south-1", "meta.llama3-70b-instruct-v1:0", "1.25"),
        ("eu-central-1", CLAUDE, None),
        ("sa-east-1", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", None),
        ("eu-west-1", "openai.gpt-oss-120b-1:0", "1.35"),
        ("eu-west-1", "openai.gpt-5.6-sol", None),
        ("us-gov-west-1", CLAUDE, "1.2"),
        ("us-gov-west-1", "amazon.titan-embed-text-v2:0", "6.5"),
        ("us-gov-east-1", "meta.llama3-8b-instruct-v1:0", "4.5"),
    ],
)
def test_surcharges(region: str, model: str, factor: str | None) -> None:
    """By region, but for models that cost the same in all commercial ones."""
    name = surcharge(host(region), model)
    assert name == (None if factor is None else f"region x{factor}")
    if name is not None and factor is not None:
        assert surcharges("aws")[name] == Decimal(factor)


@pytest.mark.parametrize(
    "other", ["127.0.0.1", "mirror.example", "", "bedrock.us-east-1.amazonaws.com"]
)
def test_hosts_that_name_no_region(other: str) -> None:
    """A place of the operator's own has the prices of the catalogue."""
    assert region_of(other) is None
    assert surcharge(other, NOVA) is None


def test_prices() -> None:
    """The catalogue's prices are multiplied; an operator's own price is meant as it stands."""
    price = PriceBook().price("aws", NOVA, AT)
    counts = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    standard, dear = price.standard.bill(counts), price.by_service_tier["region x1.35"].bill(counts)
    assert dear == standard * Decimal("1.35")
    own = ModelOverride("aws", Decimal(1), Decimal(2))
    assert PriceBook({NOVA: own}).price("aws", NOVA, AT).by_service_tier == {}
    assert surcharges("openai") == {}
