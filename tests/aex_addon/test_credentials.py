"""A credential is put in as its provider wants it, and where there is none no call leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tutils

from aex_addon.credentials import AgentsKey, OwnSecret
from aex_addon.credentials import Outgoing as Request
from aex_addon.keeper import Keeper
from aex_addon.known_secrets import Secrets
from aex_addon.sources import CredentialError, Fetched, Secret
from providers.provider import KeyHeader, KeyParameter
from providers.sigv4 import AwsKeys
from tests.aex_addon.rig import token_of

KEY = "sk-canary+key/1"
TOKEN = token_of("a")
AWS_KEYS = AwsKeys("AKID", "canary-secret", "canary-token")


class Held:
    """A source with one answer."""

    name = "OPENAI_API_KEY"
    renewable = True

    def __init__(self, answer: Fetched | CredentialError | None) -> None:
        self.answer = answer

    def fetch(self) -> Fetched | None:
        if isinstance(self.answer, CredentialError):
            raise self.answer
        return self.answer


def own(
    secret: Secret | None = KEY,
    place: KeyHeader | KeyParameter = KeyHeader(),  # noqa: B008 - it is frozen
    required: bool = True,
    region: Callable[[str], str | None] | None = None,
) -> OwnSecret:
    kept = Keeper("openai", Held(Fetched(secret) if secret else None), Secrets())
    kept.begin()
    return OwnSecret("openai", kept, place, required, region)


def request(path: str = "/v1/x", **headers: str) -> http.Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return tutils.treq(path=path.encode(), headers=http.Headers(**fields))


def leaving(target: str = "/v1/x", *fields: tuple[bytes, bytes]) -> Request:
    return Request("POST", "models.example:8080", target, list(fields), b"{}")


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (KeyHeader(), (b"authorization", b"Bearer sk-canary+key/1")),
        (KeyHeader("x-api-key", ""), (b"x-api-key", KEY.encode())),
        (KeyHeader("x-goog-api-key", ""), (b"x-goog-api-key", KEY.encode())),
        (KeyHeader("api-key", ""), (b"api-key", KEY.encode())),
    ],
)
def test_headers(place: KeyHeader, field: tuple[bytes, bytes]) -> None:
    """Each provider's own header carries it, and the target stays."""
    outgoing = leaving("/v1/x?a=b")
    own(place=place).authorize(outgoing, request())
    assert (outgoing.fields, outgoing.target) == ([field], "/v1/x?a=b")


@pytest.mark.parametrize(
    ("target", "expected"), [("/v1/x", "/v1/x?key="), ("/v1/x?a=b", "/v1/x?a=b&key=")]
)
def test_the_query(target: str, expected: str) -> None:
    """In the query it stands percent-encoded, after what is there."""
    outgoing = leaving(target)
    own(place=KeyParameter()).authorize(outgoing, request())
    assert (outgoing.fields, outgoing.target) == ([], expected + "sk-canary%2Bkey%2F1")


def test_signatures() -> None:
    """Keys of AWS sign host, type and AWS's own headers, in the region of the host asked."""
    asked: list[str] = []

    def region(host: str) -> str:
        asked.append(host)
        return "eu-west-1"

    came = ((b"Accept", b"*/*"), (b"Content-Type", b"application/json"), (b"X-Amzn-Trace", b"t"))
    outgoing = leaving("/model/a%3A0/converse", *came)
    own(AWS_KEYS, region=region).authorize(outgoing, request())
    added = dict(outgoing.fields[3:])
    assert added.keys() == {b"x-amz-date", b"x-amz-security-token", b"authorization"}
    value = added[b"authorization"].decode()
    assert "/eu-west-1/bedrock/aws4_request" in value
    assert "=content-type;host;x-amz-date;x-amz-security-token;x-amzn-trace," in value
    assert asked == ["models.example:8080"]
    assert "canary-secret" not in str(outgoing.fields)


@pytest.mark.parametrize(
    ("region", "told"),
    [(None, "takes none"), (lambda _: None, "no region of AWS is known for models.example:8080")],
)
def test_signatures_that_cannot_be(region: Any, told: str) -> None:
    """Without a region nothing is signed, and so nothing leaves."""
    access = own(AWS_KEYS, region=region)
    with pytest.raises(LookupError, match=told):
        access.authorize(leaving(), request())


def test_a_key_of_a_provider_that_could_be_signed_for() -> None:
    """An API key of Bedrock is a bearer token."""
    outgoing = leaving()
    own("bedrock-api-key-canary", region=lambda _: "eu-west-1").authorize(outgoing, request())
    assert outgoing.fields == [(b"authorization", b"Bearer bedrock-api-key-canary")]


def test_without_a_key() -> None:
    """Where it is needed the call is refused with what is to be done; else it goes without."""
    refusal = own(None).lacking(request())
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "provider_key_missing")
    assert "set OPENAI_API_KEY where the gateway runs" in refusal.message
    optional, outgoing = own(None, required=False), leaving()
    assert (optional.lacking(request()), optional.goes_without) == (None, True)
    optional.authorize(outgoing, request())
    assert outgoing.fields == []
    assert own().lacking(request()) is None
    assert not own().goes_without


def test_a_source_that_failed() -> None:
    """The refusal says what is the trouble."""
    kept = Keeper("openai", Held(CredentialError("the helper took over 10 s")), Secrets())
    with pytest.raises(CredentialError):
        kept.begin()
    refusal = OwnSecret("openai", kept, KeyHeader(), required=True).lacking(request())
    assert refusal is not None
    assert "AEX has no key for openai: the helper took over 10 s." in refusal.message


@pytest.mark.parametrize(
    ("status", "told", "refused"),
    [
        (401, "", True),
        (403, "", False),
        (403, "AccessDeniedException:http://x", False),
        (403, "ExpiredTokenException:http://x", True),
        (403, "UnrecognizedClientException", True),
        (400, "ExpiredTokenException", False),
        (200, "", False),
    ],
)
def test_what_the_provider_says(status: int, told: str, refused: bool) -> None:
    """A refusal of the key itself makes it due for another, and nothing else does."""
    access = own()
    access.heard(status, {"x-amzn-errortype": told} if told else {})
    assert access.keeper._refused is refused


def test_no_secret_is_in_a_representation() -> None:
    """Credentials can be printed."""
    assert "canary" not in repr(own()) + repr(own(AWS_KEYS)) + repr(own().keeper)


def test_the_agents_own_key() -> None:
    """Its headers and parameters go on as they came, and AEX adds nothing."""
    came = request(
        "/v1/x?alt=sse&key=own-key",
        authorization="Bearer sk-own",
        x_api_key="own",
        x_goog_api_key="own-g",
        proxy_authorization=f"Basic {TOKEN}",
        x_amz_security_token="left",
        accept="*/*",
    )
    outgoing, access = leaving("/v1/x?alt=sse"), AgentsKey("openai", KeyHeader())
    assert access.lacking(came) is None
    access.authorize(outgoing, came)
    assert outgoing.target == "/v1/x?alt=sse&key=own-key"
    assert outgoing.fields == [
        (b"authorization", b"Bearer sk-own"),
        (b"x-api-key", b"own"),
        (b"x-goog-api-key", b"own-g"),
    ]


@pytest.mark.parametrize(
    ("place", "came"),
    [
        (KeyHeader("x-model-key", ""), request(x_model_key="own", x_other="1")),
        (KeyParameter("api_key"), request("/v1/x?a=b&api_key=own")),
    ],
)
def test_the_agents_own_key_in_another_place(
    place: KeyHeader | KeyParameter, came: http.Request
) -> None:
    """It is found where this provider has its keys."""
    outgoing, access = leaving("/v1/x?a=b"), AgentsKey("mine", place)
    assert access.lacking(came) is None
    access.authorize(outgoing, came)
    in_query = isinstance(place, KeyParameter)
    assert outgoing.target == ("/v1/x?a=b&api_key=own" if in_query else "/v1/x?a=b")
    assert outgoing.fields == ([] if in_query else [(b"x-model-key", b"own")])


def test_the_agents_own_signature() -> None:
    """What belongs to it goes with it."""
    came = request(
        authorization="AWS4-HMAC-SHA256 Credential=AKOWN/20260101/us-east-1/bedrock/aws4_request",
        x_amz_date="20260101T000000Z",
        x_amz_security_token="own-token",
    )
    outgoing = leaving()
    AgentsKey("aws", KeyHeader()).authorize(outgoing, came)
    assert [name for name, _ in outgoing.fields] == [
        *(b"authorization", b"x-amz-date", b"x-amz-security-token")
    ]


@pytest.mark.parametrize(
    "came",
    [
        request(authorization=f"Bearer {TOKEN}"),
        request(x_api_key=TOKEN, api_key=f" {TOKEN}"),
        request(f"/v1/x?key={TOKEN}"),
        request(f"/v1/x?%6bey={TOKEN}"),
        request(x_amz_security_token="own", authorization=""),
        request(),
    ],
)
def test_no_key_of_the_agents(came: http.Request) -> None:
    """An AEX token is no key and never leaves; without another the call is refused."""
    outgoing, access = leaving(), AgentsKey("openai", KeyHeader())
    access.authorize(outgoing, came)
    assert (outgoing.fields, outgoing.target) == ([], "/v1/x")
    refusal = access.lacking(came)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (401, "agent_key_missing")


def test_a_key_that_is_not_needed() -> None:
    """The agent's own goes on where it has one; an AEX token in its place does not, and is none."""
    access = AgentsKey("desk", KeyHeader(), needed=False)
    assert (access.of_agent, access.token_stands_in) == (True, True)
    for came, fields in (
        (request(authorization="Bearer own"), [(b"authorization", b"Bearer own")]),
        (request(authorization=f"Bearer {TOKEN}"), []),
        (request(), []),
    ):
        outgoing = leaving()
        assert access.lacking(came) is None
        access.authorize(outgoing, came)
        assert outgoing.fields == fields
    assert not AgentsKey("openai", KeyHeader()).token_stands_in
