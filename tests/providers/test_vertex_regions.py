"""Each location's host is governed, and what is dearer there has a name and a factor."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.prices import ModelOverride, PriceBook
from providers.registry import PROVIDERS
from providers.vertex_regions import (
    DEFAULT_HOST,
    HOSTS,
    REGIONAL,
    host_of,
    surcharge,
    surcharges,
)
from tests.providers.catalogue import AT

# Those that Google's pages on locations of generative models name.
NAMED = (
    *("us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west4"),
    *("northamerica-northeast1", "southamerica-east1", "europe-central2", "europe-north1"),
    *("europe-southwest1", "europe-west1", "europe-west2", "europe-west3", "europe-west4"),
    *("europe-west6", "europe-west8", "europe-west9", "asia-east1", "asia-east2", "asia-south1"),
    *("asia-northeast1", "asia-northeast3", "asia-southeast1", "australia-southeast1"),
    *("me-central1", "me-central2", "me-west1"),
)
OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
HERE, THERE = "/v1/projects/p/locations/global/x", "/v1/projects/p/locations/us-east5/x"


def test_the_hosts_that_google_names() -> None:
    """All of them are governed: regions, multi-regions, and the global one first."""
    assert {f"{place}-{DEFAULT_HOST}" for place in NAMED} <= set(HOSTS)
    assert {f"aiplatform.{place}.rep.googleapis.com" for place in ("us", "eu", *NAMED)} <= set(
        HOSTS
    )
    assert len(set(HOSTS)) == len(HOSTS)
    assert HOSTS[0] == DEFAULT_HOST


@pytest.mark.parametrize("host", HOSTS)
def test_each_host_but_the_global_one_is_dearer(host: str) -> None:
    """Also where a call names no location, as with an API key."""
    dear = surcharge(host, "/v1/publishers/google/models/m:x", NEW)
    assert dear == (None if host == DEFAULT_HOST else REGIONAL)


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (HERE, DEFAULT_HOST),
        (THERE, f"us-east5-{DEFAULT_HOST}"),
        ("/v1beta1/projects/p-1/locations/eu/y", "aiplatform.eu.rep.googleapis.com"),
        ("/v1/publishers/google/models/m:x", ""),
        ("/v1/projects/p/locations/us-east5", ""),
        ("/v1/projects/p/q/locations/us-east5/x", ""),
    ],
)
def test_a_path_names_its_host(path: str, host: str) -> None:
    """By the location in it, in Google's own way of writing them."""
    assert host_of(path) == host


@pytest.mark.parametrize(
    ("model", "dear"),
    [
        (OLD, False),
        ("gemini-1.5-pro", False),
        ("gemini-embedding-001", False),
        ("text-embedding-005", False),
        ("claude-3-7-sonnet@20250219", False),
        ("claude-opus-4-1@20250805", False),
        ("claude-sonnet-4-5@20250929", True),
        ("claude-haiku-5-5", True),
        ("claude-someday", True),
        (NEW, True),
        ("gemini-4-argon", True),
        ("gemini-embedding-2", True),
        ("whatever", True),
    ],
)
def test_surcharges(model: str, dear: bool) -> None:
    """Old models cost the same everywhere; what is not known to be old is taken for dearer."""
    assert surcharge(DEFAULT_HOST, HERE, model) is None
    expected = REGIONAL if dear else None
    for host in (DEFAULT_HOST, "127.0.0.1", "mirror.example", ""):
        assert surcharge(host, THERE, model) == expected
        assert surcharge(host, THERE.replace("us-east5", "GLOBAL"), model) == expected


def test_prices() -> None:
    """The catalogue's prices are multiplied; an operator's own price is meant as it stands."""
    price = PriceBook(providers=PROVIDERS).price("google-vertex", NEW, AT)
    counts = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    standard, dear = price.standard.bill(counts), price.by_service_tier[REGIONAL].bill(counts)
    assert dear == standard * Decimal("1.1")
    own = ModelOverride("google-vertex", Decimal(1), Decimal(2))
    assert PriceBook({NEW: own}).price("google-vertex", NEW, AT).by_service_tier == {}
    assert surcharges("google") == {}
