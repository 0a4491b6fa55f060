"""Flows become calls and calls become flows, with nothing of the agent's credential in between."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from aex_addon import calls
from aex_addon.doors import PATH
from aex_addon.routes import Route, routes
from aex_addon.settings_tables import ProviderSettings
from aex_addon.tokens import mint
from providers.wire import Call, Refused, Reply

TOKEN = mint().secret
KEY = "sk-of-the-provider"


def route(upstream: str = "http://upstream.example:8080/base", key: str = KEY) -> Route:
    configured = {"openai": ProviderSettings(upstream=upstream)}
    found = routes(configured, {"OPENAI_API_KEY": key}).by_id("openai")
    assert found is not None
    return found


def asked(path: str = "/v1/chat/completions", body: bytes = b"{}", **headers: str) -> http.HTTPFlow:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = tutils.treq(
        method=b"POST", content=body, headers=http.Headers(host="127.0.0.1", **fields)
    )
    flow = tflow.tflow(req=request)
    flow.metadata[PATH] = path
    return flow


def test_a_call_is_what_the_wire_formats_need() -> None:
    """Path and query are apart, header names in lower case, the body as it is."""
    call = calls.read_call(asked("/v1/x?a=b", b"body", **{"X-One": "1"}), route(), 100)
    assert (call.provider, call.method, call.path, call.query) == ("openai", "POST", "/v1/x", "a=b")
    assert call.headers["x-one"] == "1"
    assert call.body == b"body"


@pytest.mark.parametrize(
    "charset", ["", '; charset="UTF-8"', ";charset = utf8", "; charset=us-ascii"]
)
def test_a_charset_that_is_read_here(charset: str) -> None:
    """By whatever name; and no other (see below), for a server may heed it."""
    flow = asked(content_type=f"application/json{charset}")
    assert calls.read_call(flow, route(), 100).body == b"{}"


def test_headers_that_are_given_twice() -> None:
    """Are joined, in their order, whatever the case of their names."""
    flow = asked()
    flow.request.headers.fields = ((b"X-One", b"1"), (b"a", b"\xff"), (b"x-one", b"2"))
    call = calls.read_call(flow, route(), 100)
    assert call.headers == {"x-one": "1, 2", "a": "\udcff"}


def test_an_encoded_body_is_decoded() -> None:
    """A gzip'd body is read as what it holds."""
    flow = asked(body=gzip.compress(b"{}"), content_encoding="gzip")
    assert calls.read_call(flow, route(), 100).body == b"{}"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"body": b"x" * 101}, 413),
        ({"body": gzip.compress(b"x" * 101), "content_encoding": "gzip"}, 413),
        ({"body": b"no gzip", "content_encoding": "gzip"}, 400),
        ({"content_encoding": "magic"}, 415),
        ({"content_type": "application/json; charset=utf-7"}, 400),
        ({"content_type": "application/json; charset=utf-8; Charset = 'GBK'"}, 400),
        ({"content_type": "application/json;charset*=utf-7''"}, 400),
        ({"path": "/v1/\udcff"}, 400),
        ({"path": "/v1/a b"}, 400),
        ({"path": "/v1/\x00"}, 400),
        ({"path": "*"}, 400),
        ({"path": "/" + "x" * 1024}, 400),
        ({"x_http_method_override": "POST"}, 400),
        ({"X_Method_Override": "POST"}, 400),
        ({"x_http_method": "POST"}, 400),
        ({"path": "/v1/models?$httpMethod=POST"}, 400),
        ({"path": "/v1/models?a=b&%24HTTPheaders=x"}, 400),
    ],
)
def test_what_cannot_be_read(changes: dict[str, Any], status: int) -> None:
    """Bodies too large or falsely encoded, paths of no provider, and two methods at once: a 4xx."""
    with pytest.raises(Refused) as raised:
        calls.read_call(asked(**changes), route(), 100)
    assert raised.value.denial.status == status


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/v1/x?key=secret", "/v1/x"),
        ("/\udcff\x1b", "/\\udcff\x1b"),
        ("/" + "x" * 999, "/" + "x" * 255),
    ],
)
def test_a_path_to_be_kept(path: str, plain: str) -> None:
    """What is kept of a refused path holds no query, no lone surrogate, and is short."""
    assert calls.plain_path(path) == plain


def test_fingerprints() -> None:
    """Equal calls have equal fingerprints; moving one byte between two parts changes it."""
    base = Call("openai", "POST", "/v1/x", "q", {}, b"body")
    assert calls.fingerprint(base) == calls.fingerprint(
        Call("openai", "POST", "/v1/x", "q", {"authorization": "other"}, b"body")
    )
    others = [
        Call("openai", "PUT", "/v1/x", "q", {}, b"body"),
        Call("openai", "POST", "/v1/xq", "", {}, b"body"),
        Call("openai", "POST", "/v1/x", "qb", {}, b"ody"),
        Call("openai", "POST", "/v1/x", "q", {}, b"bodY"),
    ]
    assert len({calls.fingerprint(call) for call in [base, *others]}) == 5


def test_credentials_go_out_and_the_key_goes_in() -> None:
    """No header upstream holds the agent's token or speaks to AEX; the provider's key does."""
    flow = asked(
        f"/v1/x?key={TOKEN}&alt=sse",
        authorization=f"Bearer {TOKEN}",
        x_api_key=TOKEN,
        api_key=TOKEN,
        x_goog_api_key=TOKEN,
        proxy_authorization=f"Basic {TOKEN}",
        proxy_connection="keep-alive",
        X_AEX_Step_Id="1",
        accept="*/*",
        openai_organization="org",
    )
    flow.request.headers.add("Authorization", f"Bearer {TOKEN}")
    calls.send_upstream(flow, route(), b"{}")
    assert TOKEN not in str(flow.request.headers) + flow.request.path
    assert flow.request.headers.get_all("authorization") == [f"Bearer {KEY}"]
    names = {name.lower() for name in flow.request.headers}
    assert names == {"host", "accept", "openai-organization", "content-length", "authorization"}


def test_without_a_key_none_is_sent() -> None:
    """Where the operator has no key for an upstream, the agent's own does not stand in for it."""
    flow = asked(authorization="Bearer sk-of-the-agent")
    calls.send_upstream(flow, route(key=""), b"{}")
    assert "authorization" not in flow.request.headers


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"])
@pytest.mark.parametrize("authority", ["", "127.0.0.1:9000"])
def test_the_address_is_the_table_s(version: str, authority: str) -> None:
    """Scheme, host, port, Host header (or authority) and path are the route's."""
    flow = asked("/v1/x?q")
    flow.request.http_version, flow.request.authority = version, authority
    calls.send_upstream(flow, route(), b"{}")
    request = flow.request
    assert (request.scheme, request.host, request.port) == ("http", "upstream.example", 8080)
    assert request.path == "/base/v1/x?q"
    assert request.host_header == "upstream.example:8080"
    hosts = [request.authority, *request.headers.get_all("host")]
    assert sorted(hosts) == ["", "upstream.example:8080"] or hosts == ["upstream.example:8080"]


def test_hop_by_hop_headers_stay_here() -> None:
    """What speaks of the connection to AEX, or of the body as it came, is not sent on."""
    flow = asked(
        connection="keep-alive, Upgrade",
        keep_alive="timeout=5",
        te="trailers",
        trailer="x",
        upgrade="h2c",
        transfer_encoding="chunked",
        content_encoding="gzip",
    )
    flow.request.trailers = http.Headers(x=TOKEN)
    calls.send_upstream(flow, route(), b"four")
    assert {name.lower() for name in flow.request.headers} == {
        "host",
        "content-length",
        "authorization",
    }
    assert flow.request.headers["content-length"] == "4"
    assert flow.request.raw_content == b"four"
    assert flow.request.trailers is None


def test_a_handshake_goes_on_as_one() -> None:
    """It still asks to switch, without extensions; other calls never do."""
    fields = {"connection": "keep-alive, Upgrade", "upgrade": "WebSocket"}
    fields |= {"sec_websocket_key": "k", "sec_websocket_extensions": "permessage-deflate"}
    for socket in (True, False):
        flow = asked("/v1/responses", b"", **fields)
        flow.request.method = "GET"
        calls.send_upstream(flow, route(), b"", socket)
        headers = flow.request.headers
        assert headers.get("upgrade") == ("websocket" if socket else None)
        assert headers.get("connection") == ("Upgrade" if socket else None)
        assert headers["sec-websocket-key"] == "k"
        assert ("sec-websocket-extensions" in headers) is not socket


def test_a_get_has_no_length() -> None:
    """Where there is no body, none is announced."""
    flow = asked(body=b"")
    flow.request.method = "GET"
    calls.send_upstream(flow, route(), b"")
    assert "content-length" not in flow.request.headers


def test_a_reply_as_mitmproxy_sends_it() -> None:
    """Status, headers and body are the reply's own."""
    answer = calls.response(Reply(402, (("x-one", "1"),), b"body"))
    assert (answer.status_code, answer.headers["x-one"], answer.content) == (402, "1", b"body")


@pytest.mark.parametrize(
    ("upgrade", "websocket"),
    [("websocket", True), ("WebSocket", True), ("h2c", False), ("", False)],
)
def test_websockets_are_told_apart(upgrade: str, websocket: bool) -> None:
    """Only an upgrade to WebSocket is one."""
    call = calls.read_call(asked(upgrade=upgrade), route(), 100)
    assert calls.is_websocket(call) is websocket


def nested(provider: str, path: str) -> Call:
    settings = {"azure": ProviderSettings(upstream="https://me.openai.azure.com")}
    found = routes(settings, {}).by_id(provider)
    assert found is not None
    return calls.read_call(asked(path), found, 100)


def test_nested_paths_are_read_and_sent_as_they_are() -> None:
    """The format's own path is known beside the provider's, which is what goes upstream."""
    call = nested("groq", "/openai/v1/chat/completions?a")
    assert (call.path, call.route) == ("/openai/v1/chat/completions", "/v1/chat/completions")
    assert nested("groq", "/v1/chat/completions").route == ""
    azure = nested("azure", "/openai/deployments/mine/chat/completions?api-version=1")
    assert (azure.route, azure.path_model) == ("/v1/chat/completions", "mine")


def test_one_request_under_two_paths_has_one_fingerprint() -> None:
    """Two of a host's paths for one thing are the same request; two deployments are not."""
    bare, versioned = (
        calls.fingerprint(nested("deepseek", path))
        for path in ("/chat/completions", "/v1/chat/completions")
    )
    assert bare == versioned
    one, other = (
        calls.fingerprint(nested("azure", f"/openai/deployments/{name}/chat/completions"))
        for name in ("a", "b")
    )
    assert one != other


def test_a_provider_s_own_key_header() -> None:
    """The key stands in the provider's header alone, and the agent's is not sent beside it."""
    settings = ProviderSettings(
        upstream="http://upstream.example",
        formats=["openai"],
        api_key_env="OURS",
        key_header="x-own-key: Token",
    )
    found = routes({"mine": settings}, {"OURS": KEY}).by_id("mine")
    assert found is not None
    flow = asked(authorization=f"Bearer {TOKEN}", X_Own_Key=TOKEN)
    calls.send_upstream(flow, found, b"{}")
    assert flow.request.headers.get_all("x-own-key") == [f"Token {KEY}"]
    assert "authorization" not in flow.request.headers
    assert TOKEN not in str(flow.request.headers)


@pytest.mark.parametrize(
    ("tcp", "tls", "handshake", "reached"),
    [
        (None, False, None, False),
        (1.0, False, None, True),
        (1.0, True, None, False),
        (1.0, True, 2.0, True),
    ],
)
def test_whether_a_byte_can_have_left(
    tcp: float | None, tls: bool, handshake: float | None, reached: bool
) -> None:
    """Only where no connection stood, with its TLS, is it known that none has."""
    flow = asked()
    server = flow.server_conn
    server.timestamp_tcp_setup, server.tls, server.timestamp_tls_setup = tcp, tls, handshake
    assert calls.reached_provider(flow) is reached
