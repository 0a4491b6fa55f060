"""Who pays is read wherever a client can put it, and nothing of it is left to go upstream."""

from __future__ import annotations

import base64

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon import identity
from aex_addon.identity import Credential, Identity
from tests.aex_addon.rig import token_of

TOKEN = token_of("a")
OTHER = token_of("b")
SIGNED = "AWS4-HMAC-SHA256 Credential="


LENT = Credential("token", "bot")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        (basic(f"bot:{TOKEN}"), Credential(TOKEN, "bot")),
        (basic(f"bot:{TOKEN}").replace("Basic", "bAsIc"), Credential(TOKEN, "bot")),
        (f"  {basic(f'bot:{TOKEN}')}  ", Credential(TOKEN, "bot")),
        (basic(f"my%20bot:{TOKEN}"), Credential(TOKEN, "my bot")),
        (basic("bot:with:colons:"), Credential("with:colons:", "bot")),
        (basic(f"{TOKEN}:"), Credential(TOKEN)),
        (basic(TOKEN), Credential(TOKEN)),
        (basic(f":{TOKEN}"), Credential(TOKEN, None)),
        (basic("bot:"), Credential("", "bot")),
        ("Basic not*base64", None),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), None),
        (f"Bearer {TOKEN}", None),
        ("Basic", Credential("", None)),
        ("", None),
        (None, None),
    ],
)
def test_the_proxy_header(header: str | None, credential: Credential | None) -> None:
    """Basic credentials are decoded, percent-encoding included; what is none is no credential."""
    assert identity.from_proxy_header(header) == credential


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, ""),
        ({"authorization": f"bearer {TOKEN}"}, ""),
        ({"x-api-key": TOKEN}, ""),
        ({"api-key": TOKEN}, ""),
        ({"x-goog-api-key": TOKEN}, ""),
        ({"authorization": "Bearer sk-of-a-provider", "x-api-key": TOKEN}, ""),
        ({"authorization": f"{SIGNED}{TOKEN}/20261101/us-east-1/bedrock/aws4_request, S=x"}, ""),
        ({}, f"key={TOKEN}"),
        ({}, f"alt=sse&key={TOKEN}&x"),
    ],
)
def test_key_slots(headers: dict[str, str], query: str) -> None:
    """A token is found in every place where a provider key would stand."""
    assert identity.from_key_slot(http.Headers(**headers), query) == Credential(TOKEN)
    assert identity.from_key_slot(headers, query) == Credential(TOKEN)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": "Bearer sk-of-a-provider"}, ""),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, ""),
        ({"authorization": f"Bearer {TOKEN}, Bearer {OTHER}"}, ""),
        ({"authorization": f"{SIGNED}AKIA/20261101/us-east-1/{TOKEN}/aws4_request, S=x"}, ""),
        ({"authorization": f"{SIGNED}{TOKEN}, SignedHeaders=host, Signature=00"}, ""),
        ({"cookie": TOKEN}, f"token={TOKEN}"),
        ({}, "key=&key"),
    ],
)
def test_what_is_no_key_slot(headers: dict[str, str], query: str) -> None:
    """A provider's own key, a damaged token, two at once and other places are no credential."""
    assert identity.from_key_slot(headers, query) is None


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/v1/x", "/v1/x"),
        ("/v1/x?", "/v1/x?"),
        (f"/v1/x?key={TOKEN}", "/v1/x"),
        (f"/v1/x?a=1&key={TOKEN}&b", "/v1/x?a=1&b"),
        (f"/v1/x?key={TOKEN}&key=other", "/v1/x"),
        ("/v1/x?monkey=1&keys=2", "/v1/x?monkey=1&keys=2"),
        (f"/v1/x?%6bey={TOKEN}&a=1", "/v1/x?a=1"),
        ("/v1/x?X-Amz-Signature=s&x-amz-security-token=t&a=x-amz-", "/v1/x?a=x-amz-"),
    ],
)
def test_the_query_without_its_key(path: str, rest: str) -> None:
    """The key goes out of the query, and nothing else does."""
    assert identity.without_key(path) == rest


def test_a_tunnel_keeps_its_credential() -> None:
    """What CONNECT carried holds for the requests inside, until the connection ends."""
    addon, flow = Identity(), tflow.tflow()
    flow.request.headers["proxy-authorization"] = basic(f"bot:{TOKEN}")
    addon.http_connect(flow)
    inside = tflow.tflow(client_conn=flow.client_conn)
    assert addon.of(inside) == Credential(TOKEN, "bot")
    addon.client_disconnected(flow.client_conn)
    assert addon.of(inside) is None


def test_no_connection_sees_another_one_s_credential() -> None:
    """Each connection has the credential of its own CONNECT, or none."""
    addon = Identity()
    flows = [tflow.tflow() for _ in range(3)]
    for flow, token in zip(flows[:2], (TOKEN, OTHER), strict=True):
        flow.request.headers["proxy-authorization"] = basic(f"bot:{token}")
        addon.http_connect(flow)
    found = [addon.of(tflow.tflow(client_conn=flow.client_conn)) for flow in flows]
    assert found == [Credential(TOKEN, "bot"), Credential(OTHER, "bot"), None]


def test_a_refused_tunnel_leaves_no_credential() -> None:
    """After a CONNECT that failed, the next request is known by its own header."""
    addon, flow = Identity(), tflow.tflow()
    flow.request.headers["proxy-authorization"] = basic(f"bot:{TOKEN}")
    addon.http_connect(flow)
    addon.http_connect_error(flow)
    after = tflow.tflow(client_conn=flow.client_conn)
    after.request.headers["proxy-authorization"] = basic(f"other:{OTHER}")
    assert addon.of(after) == Credential(OTHER, "other")


def test_a_tool_is_known_by_where_it_comes_from() -> None:
    """Whatever it says, and on that connection alone, until it ends."""
    identity, lent = Identity(), Credential(token_of("t"), "bot")
    flow, other = tflow.tflow(), tflow.tflow()
    said = Credential(token_of("a"), "eve")
    flow.request.headers["proxy-authorization"] = basic(f"eve:{said.token}")
    with identity.coming(flow.client_conn.peername[:2], lent):
        identity.client_connected(flow.client_conn)
        identity.client_connected(other.client_conn)
    identity.http_connect(flow)
    assert identity.of(flow) == identity.of_tool(flow.client_conn) == lent
    assert identity.of_tool(other.client_conn) is None
    identity.client_disconnected(flow.client_conn)
    assert (identity.of_tool(flow.client_conn), identity.of(flow)) == (None, said)


def test_a_connection_that_never_stood_is_nobodys() -> None:
    """The next one from there may be anybody's."""
    identity, client = Identity(), tflow.tclient_conn()
    with pytest.raises(OSError, match="refused"), identity.coming(client.peername[:2], LENT):
        raise OSError("refused")
    identity.client_connected(client)
    assert identity.of_tool(client) is None


def test_the_order_of_places() -> None:
    """The proxy header goes before a key slot, for the slot may hold the provider's own key."""
    addon, flow = Identity(), tflow.tflow()
    flow.request.headers["authorization"] = f"Bearer {OTHER}"
    assert addon.of(flow) == Credential(OTHER)
    flow.request.headers["proxy-authorization"] = basic(f"bot:{TOKEN}")
    assert addon.of(flow) == Credential(TOKEN, "bot")


@pytest.mark.parametrize("value", [TOKEN, f"Token {TOKEN}"])
def test_a_slot_of_the_provider_s_own(value: str) -> None:
    """Where a provider's keys stand in a header or parameter of its own, so does an AEX token."""
    headers = http.Headers(x_own_key=value)
    assert identity.from_key_slot(headers, "", "x-own-key") == Credential(TOKEN)
    assert identity.from_key_slot({}, f"a=b&own={TOKEN}", "own") == Credential(TOKEN)
    assert identity.from_key_slot(headers, f"own={TOKEN}") is None
    assert identity.from_key_slot({"x-own-key": "sk-another"}, "own=x", "x-own-key") is None


@pytest.mark.parametrize(
    ("agent", "header", "asked"),
    [
        ("git/2.39.5", None, True),
        ("git/2.39.5", "Basic x", False),
        ("git-lfs/3.3.0", None, False),
        ("digit/1", None, False),
        ("", None, False),
    ],
)
def test_who_must_be_asked(agent: str, header: str | None, asked: bool) -> None:
    """A client that waits for the challenge, unless it has shown a credential already."""
    request = tflow.tflow().request
    request.headers["user-agent"] = agent
    if header:
        request.headers["proxy-authorization"] = header
    assert identity.must_be_asked(request) is asked
    assert identity.challenge().headers["proxy-authenticate"].startswith("Basic ")
