"""Free paths of the Bedrock runtime: the listed ones pass, whatever costs money does not."""

from __future__ import annotations

import pytest

from providers.bedrock_other import BEDROCK_FREE, COUNTS, FREE_PATHS
from providers.wire import Call, Denial
from tests.providers.free_contract import FreePathsContract

COSTLY = [
    "POST /async-invoke",
    "GET /model/m/count-tokens",
    "POST /model/m/converse",
    "POST /model/m/invoke-with-bidirectional-stream",
    "POST /guardrail/g/version/1/apply",
    "POST /guardrail-checks/invoke",
    "GET /async-invoke/../model",
]


def call(method: str, path: str) -> Call:
    return Call("aws", method, path, "", {}, b"{}")


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("POST", "/model/us.amazon.nova-lite-v1%3A0/count-tokens", "/model/{id}/count-tokens"),
        ("GET", "/async-invoke", "/async-invoke"),
        ("GET", "/async-invoke/abc123", "/async-invoke/{id}"),
    ],
)
def test_what_is_free(method: str, path: str, endpoint: str) -> None:
    """It is recorded under its pattern, and costs nothing."""
    facts = BEDROCK_FREE.read(call(method, path))
    assert (facts.endpoint, facts.kind) == (endpoint, "free")


class TestContract(FreePathsContract):
    """Bedrock's table keeps the contract."""

    wire_format, paths, costly = BEDROCK_FREE, (*FREE_PATHS, COUNTS), COSTLY
    # A model's name is escaped, and whatever it resolves to, its tokens are counted for nothing.
    misnamed = ()


def test_refusals_have_the_shape_of_bedrock() -> None:
    """As JSON and as a frame."""
    reply = BEDROCK_FREE.refuse(Denial(403, "c", "m"))
    assert ("x-amzn-errortype", "AccessDeniedException") in reply.headers
    assert b"validationException" in BEDROCK_FREE.error_event(Denial(403, "c", "m"))
