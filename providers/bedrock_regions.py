"""Regions of the Bedrock runtime: its hosts, and what a model costs more there than in the US.

Owns: two tables. Refuses to know: prices themselves, requests.
Hosts:  https://docs.aws.amazon.com/general/latest/gr/bedrock.html (the runtime APIs)
Prices: https://aws.amazon.com/bedrock/pricing/, by the region that the request was made in

The catalogue has one price of a model: that of the US regions. The surcharge of a region is the
largest that any model had there over its price in the US, in price lists of November 2026, rounded
up; so it is an upper bound for the others, and a call there is booked at it. All 313 regional
prices in LiteLLM's list of that month are within it, but those of Claude Instant, which the
catalogue does not have. Models whose price is the same in all commercial regions have none there,
and neither has a host that names no region: that is a place of the operator's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1"),
    *("ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1"),
    *("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2"),
    *("eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
    *("ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4"),
    *("ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
    *("af-south-1", "il-central-1", "me-central-1", "me-south-1"),
)
_FIPS = ("us-east-1", "us-east-2", "us-west-2", "us-gov-east-1", "us-gov-west-1", "ca-central-1")

HOSTS = (
    *(f"bedrock-runtime.{region}.amazonaws.com" for region in _REGIONS),
    *(f"bedrock-runtime-fips.{region}.amazonaws.com" for region in _FIPS),
)
DEFAULT_HOST = HOSTS[0]

_HOST = re.compile(r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z]+(?:-[a-z]+)+-\d+)\.")

# First match wins.
_SURCHARGES = tuple(
    (re.compile(region), Decimal(factor))
    for region, factor in (
        (r"us-gov-", "1.2"),
        (r"us-", "1"),
        (r"ca-", "1.2"),
        (r"ap-", "1.25"),
        (r"eu-west-2$", "1.6"),
        (r"eu-", "1.35"),
    )
)
_ELSEWHERE = Decimal("1.7")
# Old models, of which some cost far more in the US government's regions.
_GOVERNMENT = (
    (re.compile(r"amazon\.titan-"), Decimal("6.5")),
    (re.compile(r"meta\."), Decimal("4.5")),
)

# The catalogue prices their geographic profiles apart, or they cost the same everywhere.
_FLAT = re.compile(r"(?:^|\.)(?:anthropic|openai\.gpt-\d|moonshotai\.kimi-k3|writer|zai)")


def region_of(host: str) -> str | None:
    """The region that a host of the runtime names, also a private one; None if it names none."""
    found = _HOST.search(host)
    return found[1] if found else None


def surcharge(host: str, model: str) -> str | None:
    """The name of the surcharge on a model's prices at this host; None where there is none."""
    region = region_of(host)
    if region is None:
        return None
    factor = next((f for pattern, f in _SURCHARGES if pattern.match(region)), _ELSEWHERE)
    government = region.startswith("us-gov-")
    if government:
        factor = next((f for pattern, f in _GOVERNMENT if pattern.search(model)), factor)
    elif _FLAT.search(model):
        return None
    return None if factor == 1 else _name(factor)


def surcharges(provider: str) -> Mapping[str, Decimal]:
    """By the name of a surcharge: what it multiplies the price of every token by."""
    if provider != "aws":
        return {}
    factors = [*(f for _, f in _SURCHARGES), _ELSEWHERE, *(f for _, f in _GOVERNMENT)]
    return {_name(factor): factor for factor in factors if factor != 1}


def _name(factor: Decimal) -> str:
    return f"region x{factor}"
