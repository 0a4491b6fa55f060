"""Locations of Vertex AI: its hosts, and what a model costs more there than at the global one.

Owns: two tables. Refuses to know: prices themselves, requests.
Hosts:  https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/locations, and for
        multi-regions and `rep` the Google Gen AI SDK (googleapis/python-genai, `_base_url`)
Prices: https://cloud.google.com/vertex-ai/generative-ai/pricing

The catalogue has the prices of the global endpoint. A region or a multi-region takes a tenth more
for Claude since 4.5 and for Gemini since 3: so the catalogue's own notes on Claude, and LiteLLM's
price list of November 2026 (`regional_endpoint_uplift_multiplier`, 1.1 wherever it stands). Models
before those cost the same everywhere; whatever is not known to be one of them is taken for dearer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from providers.claude_models import generation

_REGIONS = (
    *("us-central1", "us-east1", "us-east4", "us-east5", "us-east7", "us-south1"),
    *("us-west1", "us-west2", "us-west3", "us-west4", "us-west8"),
    *("northamerica-northeast1", "northamerica-northeast2", "northamerica-south1"),
    *("southamerica-east1", "southamerica-west1"),
    *("europe-central2", "europe-north1", "europe-north2", "europe-southwest1"),
    *("europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
    *("europe-west8", "europe-west9", "europe-west10", "europe-west12"),
    *("asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"),
    *("asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3"),
    *("australia-southeast1", "australia-southeast2"),
    *("me-central1", "me-central2", "me-west1", "africa-south1"),
)
_MULTI_REGIONS = ("us", "eu")

DEFAULT_HOST = "aiplatform.googleapis.com"
HOSTS = (
    DEFAULT_HOST,
    *(f"{place}-{DEFAULT_HOST}" for place in (*_MULTI_REGIONS, *_REGIONS)),
    *(f"aiplatform.{place}.rep.googleapis.com" for place in (*_MULTI_REGIONS, *_REGIONS)),
)

REGIONAL = "regional"
_SURCHARGE = Decimal("1.1")
_HOST = re.compile(r"(?:([a-z0-9-]+)-aiplatform|aiplatform\.([a-z0-9-]+)\.rep)\.googleapis\.com\Z")
_LOCATION = re.compile(r"/v1\w*/projects/[^/]+/locations/([^/]+)/")
_FLAT = re.compile(
    r"gemini-(?:[12]\.|(?:pro|flash)-1\.5|pro$|embedding-001)|text-(?:multilingual-)?embedding-"
)


def host_of(path: str) -> str:
    """The host that serves the location which a path names; empty where it names none."""
    found = _LOCATION.match(path)
    if found is None:
        return ""
    place = found[1]
    if place == "global":
        return DEFAULT_HOST
    if place in _MULTI_REGIONS:
        return f"aiplatform.{place}.rep.googleapis.com"
    return f"{place}-{DEFAULT_HOST}"


def surcharge(host: str, path: str, model: str) -> str | None:
    """The name of the surcharge on a model's prices; None where there is none.

    Either may say that the call is served in one place, the host or the path; a host that is not
    Google's is a place of the operator's own, and says nothing.
    """
    named = _LOCATION.match(path)
    if not _HOST.match(host) and (named is None or named[1] == "global"):
        return None
    is_old = _FLAT.match(model) or (model.startswith("claude-") and generation(model) < (4, 5))
    return None if is_old else REGIONAL


def surcharges(provider: str) -> Mapping[str, Decimal]:
    """By the name of a surcharge: what it multiplies the price of every token by."""
    return {REGIONAL: _SURCHARGE} if provider == "google-vertex" else {}
