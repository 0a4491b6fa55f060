"""Signatures are those that AWS computes: its published vectors, and its own library as oracle."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from providers.sigv4 import AwsKeys, Scope, sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = AwsKeys("AKIDEXAMPLE", SECRET)
SCOPE = Scope("us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = ("Host", "example.amazonaws.com")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
UNRESERVED = "-._~" + string.digits + string.ascii_uppercase + string.ascii_lowercase


def authorization(headers: list[tuple[str, str]]) -> str:
    (value,) = [value for name, value in headers if name == "authorization"]
    return value


# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html
@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [
        ("GET", "/", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            *("GET", "/?Param2=value2&Param1=value1", [], b""),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            *("GET", "/ሴ", [], b""),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            *("GET", f"/{UNRESERVED}", [], b""),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            *("GET", "/", [("My-Header1", v) for v in ("value2", "value2", "value1")], b""),
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            *("GET", "/", [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')], b""),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            *("POST", "/", [FORM], b"Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get", "post", "query", "utf8", "unreserved", "repeated", "spaces", "form"],
)
def test_the_published_vectors(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes, signature: str
) -> None:
    """Each case of AWS's suite has the signature that stands beside it there."""
    signed = sign(KEYS, SCOPE, method, target, [HOST, *headers], body, AT)
    assert authorization(signed).rpartition("Signature=")[2] == signature
    assert ("x-amz-date", "20150830T123600Z") in signed


def test_the_header() -> None:
    """It names the key, the scope and the headers that are covered, in their order."""
    found = authorization(sign(KEYS, SCOPE, "GET", "/", [HOST], b"", AT))
    assert found.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature="
    )


def test_the_zone_of_the_clock() -> None:
    """A time of another zone is the same instant."""
    there = AT.astimezone(timezone(timedelta(hours=9)))
    assert sign(KEYS, SCOPE, "GET", "/", [HOST], b"", there) == sign(
        KEYS, SCOPE, "GET", "/", [HOST], b"", AT
    )


def test_keys_show_in_no_representation() -> None:
    """What prints keys prints their id at the most."""
    assert "canary" not in repr(AwsKeys("AKID", "canary-secret", "canary-token"))


MODELS = ("us.amazon.nova-lite-v1%3A0", "us.amazon.nova-lite-v1:0", "arn%3Aaws%3Abedrock%2Fx")


@given(
    model=st.sampled_from(MODELS)
    | st.text(UNRESERVED, min_size=1, max_size=20).filter(lambda text: set(text) != {"."}),
    query=st.lists(
        st.tuples(st.text(UNRESERVED, min_size=1, max_size=5), st.text(UNRESERVED, max_size=5)),
        max_size=3,
    ),
    body=st.binary(max_size=50),
    token=st.none() | st.text(string.ascii_letters + "/+=", min_size=1, max_size=40),
    trace=st.text(string.ascii_letters + " ", max_size=20).map(str.strip),
)
def test_the_library_of_aws_agrees(
    model: str, query: list[tuple[str, str]], body: bytes, token: str | None, trace: str
) -> None:
    """Whatever the model's name, query, body and session, botocore signs the same."""
    target = f"/model/{model}/converse"
    target += "?" + "&".join(f"{name}={value}" for name, value in query) if query else ""
    covered = [("host", "bedrock-runtime.eu-west-1.amazonaws.com"), ("X-Amzn-Trace", trace)]
    keys = AwsKeys("AKIDEXAMPLE", SECRET, token)
    found = sign(keys, Scope("eu-west-1", "bedrock"), "POST", target, covered, body, AT)

    request = AWSRequest("POST", f"https://{covered[0][1]}{target}", dict(covered[1:]), body)
    request.context["timestamp"] = AT.strftime(SIGV4_TIMESTAMP)
    request.headers["x-amz-date"] = request.context["timestamp"]
    oracle = SigV4Auth(Credentials("AKIDEXAMPLE", SECRET, token), "bedrock", "eu-west-1")
    if token:
        request.headers["x-amz-security-token"] = token
    canonical = oracle.canonical_request(request)
    signature = oracle.signature(oracle.string_to_sign(request, canonical), request)
    assert authorization(found).endswith(f"Signature={signature}")
