"""Paths tell the model and the action; a name that does not say the model is refused."""

from __future__ import annotations

import pytest

from providers.bedrock_route import Target, target
from providers.wire import Call, Refused

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1"
BASE = "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2F"
PROFILE = "arn%3Aaws-us-gov%3Abedrock%3Aus-gov-west-1%3A123456789012%3Ainference-profile%2F"


def call(path: str) -> Call:
    return Call("aws", "POST", path, "", {}, b"")


@pytest.mark.parametrize(
    ("path", "model", "action"),
    [
        ("/model/amazon.nova-lite-v1%3A0/converse", "amazon.nova-lite-v1:0", "converse"),
        (
            "/model/us.amazon.nova-lite-v1:0/converse-stream",
            "us.amazon.nova-lite-v1:0",
            "converse-stream",
        ),
        ("/model/openai.gpt-oss-120b-1%3A0/invoke", "openai.gpt-oss-120b-1:0", "invoke"),
        (
            f"/model/{BASE}amazon.nova-pro-v1%3A0/converse",
            *("amazon.nova-pro-v1:0", "converse"),
        ),
        (
            f"/model/{PROFILE}us-gov.{SONNET}%3A0/invoke-with-response-stream",
            *(f"us-gov.{SONNET}:0", "invoke-with-response-stream"),
        ),
    ],
)
def test_models(path: str, model: str, action: str) -> None:
    """Ids with and without a region and ARNs that hold an id, percent-encoded or not."""
    found = target(call(path))
    assert found is not None
    assert (found.model(), found.action) == (model, action)
    assert found.endpoint == f"/model/{{id}}/{action}"
    assert found.streams == ("stream" in action)


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
        "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPT1234:1",
        "arn:aws:bedrock:us-east-1::foundation-model/a/b",
        "amazon.nova-lite-v1:0%25",
        "../amazon.nova-lite-v1:0",
        "",
        " ",
        "x" * 129,
    ],
)
def test_names_that_do_not_say_the_model(name: str) -> None:
    """They are refused, for the price of what answers is not known."""
    with pytest.raises(Refused) as refused:
        Target(name, "converse").model()
    assert (refused.value.denial.status, refused.value.denial.code) == (403, "not_metered")


@pytest.mark.parametrize(
    "path",
    [
        "/model/a",
        "/model/a/b/converse",
        "/model//converse",
        "/models/a/converse",
        "/model/a/converse/",
        "/guardrail/a/version/1/apply",
        "/async-invoke",
    ],
)
def test_other_paths(path: str) -> None:
    """They are none of a model's."""
    assert target(call(path)) is None
