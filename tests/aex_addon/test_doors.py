"""Where a request came in decides what it is, and what is addressed askew goes nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, cast

import pytest
from mitmproxy import http
from mitmproxy.proxy import layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import taddons, tflow, tutils

from aex_addon.destinations import Destinations
from aex_addon.doors import (
    CANONICAL,
    DOOR,
    FORMATS,
    PATH,
    PROVIDER,
    TROUBLE,
    Arrival,
    Doors,
    arrival_at_home,
    arrival_by_url,
    arrival_inside,
)
from aex_addon.http_layer import _FORM
from aex_addon.routes import routes
from aex_addon.tunnel_layer import TunnelLayer
from providers.registry import find
from providers.wire import Call
from tests.aex_addon.names import opened

TABLE = routes({}, {})
HOST = "api.openai.com"
PORT = 9000


@pytest.mark.parametrize(
    ("host", "sni", "door"),
    [
        (HOST, HOST, "proxy"),
        (HOST.upper(), "API.openai.com", "proxy"),
        (HOST + ".", HOST + ".", "proxy"),
        (HOST, None, "proxy"),
        ("evil.example", HOST, "misdirected"),
        (HOST, "evil.example", "misdirected"),
        ("evil.example", "evil.example", "misdirected"),
        (f"user@{HOST}", HOST, "misdirected"),
        (f"{HOST}, evil.example", HOST, "misdirected"),
        ("127.0.0.1", HOST, "misdirected"),
        ("", HOST, "misdirected"),
        ("chat." + HOST, HOST, "misdirected"),
    ],
)
def test_inside_a_tunnel(host: str, sni: str | None, door: str) -> None:
    """CONNECT target, SNI and Host agree, up to case and the root dot, or it is a 421."""
    found = arrival_inside(TABLE, HOST, host, sni, "/v1/x?y")
    assert (found.door, found.provider, found.path) == (door, "openai", "/v1/x?y")
    assert bool(found.trouble) == (door == "misdirected")


@pytest.mark.parametrize(
    ("host", "header", "own", "door"),
    [
        (HOST, HOST, False, "proxy"),
        (HOST.upper(), HOST, False, "proxy"),
        (HOST, f"{HOST}:80", False, "proxy"),
        (HOST, None, False, "proxy"),
        (HOST, "evil.example", False, "misdirected"),
        (HOST, f"user@{HOST}", False, "misdirected"),
        (HOST + ".", HOST, False, "misdirected"),
        ("evil.example", HOST, False, "foreign"),
        ("evil" + HOST, "evil" + HOST, False, "foreign"),
        ("::1", "[::1]:80", False, "foreign"),
        ("127.0.0.1", "127.0.0.1", True, "misdirected"),
        (HOST, HOST, True, "misdirected"),
    ],
)
def test_by_a_whole_url(host: str, header: str | None, own: bool, door: str) -> None:
    """The host of the URL decides; AEX's own address and a differing Host are refused."""
    assert arrival_by_url(TABLE, host, header, "/v1/x", own).door == door


@pytest.mark.parametrize(
    ("path", "theirs"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/v1/chat/completions?a=b?c", "/v1/chat/completions?a=b?c"),
        ("/v1", "/v1"),
        ("/v1?x", "/v1?x"),
        ("/v1/../admin", "/v1/../admin"),
        ("/v1//chat/completions", "/v1//chat/completions"),
    ],
)
def test_a_base_url(path: str, theirs: str) -> None:
    """A provider's prefix leads to the provider, the rest of the path just as it came."""
    assert arrival_at_home(TABLE, "127.0.0.1", path) == Arrival("base-url", "openai", theirs)


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/v1/aex/tokens", "own"),
        ("/v1/tools/execute", "own"),
        ("/openai/v1/tools/execute?key=x", "own"),
        ("/v1/tools/execute/", "base-url"),
        ("/v1/tools", "base-url"),
        ("/groq/v1/tools/execute", "base-url"),
    ],
)
def test_what_aex_answers_itself(path: str, door: str) -> None:
    """These very paths at its own address, and no others, are no provider's."""
    assert arrival_at_home(TABLE, "127.0.0.1", path).door == door


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us-east5.evil.example/x", ""),
        ("nowhere-1", ""),
    ],
)
def test_a_base_url_leads_to_the_host_that_a_path_names(place: str, host: str) -> None:
    """One of the provider's own, governed ones; any other name leads to its default."""
    path = f"/v1/projects/p/locations/{place}/publishers/google/models/m:generateContent"
    found = arrival_at_home(TABLE, "127.0.0.1", f"/vertex{path}")
    assert found == Arrival("base-url", "google-vertex", path, host=host)
    route = TABLE.of(found.provider, found.host)
    assert route is not None
    assert route.host == (host or "aiplatform.googleapis.com")


TRICKS = (
    "//v1/chat/completions",
    "/v1%2fchat/completions",
    "/v1;x/chat/completions",
    "/V1/chat/completions",
    "/v11/chat/completions",
    "/./v1/chat/completions",
    "/x/../v1/chat/completions",
    "/openai/v2/chat/completions",
    "/dashboard",
    "*",
)


@pytest.mark.parametrize("path", TRICKS)
def test_what_is_no_base_url(path: str) -> None:
    """Whatever is not exactly a provider's prefix is a page of AEX, or none: it never leaves."""
    assert arrival_at_home(TABLE, "127.0.0.1", path) == Arrival("web", path=path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/chat/completions;x",
        "/v1/chat/completions%00",
        "/v1/CHAT/completions",
        "/v1/models/../chat/completions",
        "/v1/models/..%2fchat%2fcompletions",
        "/v1/files/../../v1/chat/completions",
        "/v1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_exact_paths_are_spoken_for(path: str, method: str) -> None:
    """No wire format claims a path that a provider may resolve to another one."""
    found = arrival_at_home(TABLE, "127.0.0.1", path)
    route = TABLE.by_id(found.provider)
    assert route is not None
    call = Call(found.provider, method, found.path, "", {}, b"{}")
    assert find(call, route.provider.formats) is None


def test_a_governed_host_sent_home() -> None:
    """A provider's name that was pointed at AEX by DNS or a hosts file is refused."""
    assert arrival_at_home(TABLE, HOST, "/v1/chat/completions").door == "misdirected"


class Proxyserver:
    """Stands in for mitmproxy's addon of this name."""

    def listen_addrs(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", PORT)]


@pytest.fixture
def doors() -> Iterator[Doors]:
    with taddons.context(Proxyserver(), loadcore=False):
        yield Doors(lambda: TABLE, Destinations(), lambda flow, status, message: None, opened())


def connect(doors: Doors, host: str, port: int = 443) -> http.HTTPFlow:
    flow = tflow.tflow(req=tutils.treq(method=b"CONNECT", host=host, port=port))
    flow.client_conn.timestamp_end = None
    asyncio.run(doors.http_connect(flow))
    return flow


def marks(doors: Doors, flow: http.HTTPFlow) -> str:
    more = doors.requestheaders(flow)
    if more is not None:
        with asyncio.Runner() as runner:
            runner.run(cast("Coroutine[Any, Any, None]", more))
    assert {DOOR, PROVIDER, PATH, TROUBLE} <= flow.metadata.keys()
    plain = {**flow.metadata, FORMATS: " ".join(flow.metadata.get(FORMATS, []))}
    assert all(type(value) is str for value in plain.values())
    return str(flow.metadata[DOOR])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "::1", "[::1]"])
def test_no_tunnel_to_aex_itself(doors: Doors, host: str) -> None:
    """CONNECT to AEX's own address is refused under each of its names."""
    assert connect(doors, host, PORT).response is not None
    assert connect(doors, host, PORT + 1).response is None


def test_a_tunnel_to_an_unlisted_host(doors: Doors) -> None:
    """Its bytes are relayed, also where mitmproxy has already chosen to open it."""
    flow = connect(doors, "example.com")
    assert ("example.com", 443) in doors.destinations._allowed[flow.client_conn.id]
    for chosen in (None, layers.HttpLayer):
        found = asked(doors, flow, chosen)
        assert type(found.layer) is TunnelLayer
        assert found.layer.flow is None


def test_a_governed_host_in_other_letters(doors: Doors) -> None:
    """It is governed in a tunnel, and refused in a whole URL: nobody spells it so."""
    odd = "ａpi.openai.com"
    request = tflow.tflow(req=tutils.treq(host="127.0.0.1", port=80))
    request.request.data.host = odd
    request.request.headers["host"] = HOST
    setattr(request.request, _FORM, True)
    assert marks(doors, request) == "misdirected"
    flow = connect(doors, odd)
    assert type(asked(doors, flow, layers.HttpLayer).layer).__name__ == "GovernedHttpLayer"
    assert not doors.destinations._allowed


def test_a_tunnel_to_a_governed_host(doors: Doors) -> None:
    """It is not allowed to be dialled, and its HTTP is watched."""
    flow = connect(doors, HOST.upper() + ".")
    assert not doors.destinations._allowed
    found = asked(doors, flow, layers.HttpLayer)
    assert type(found.layer).__name__ == "GovernedHttpLayer"
    inside = tflow.tflow(client_conn=flow.client_conn, req=tutils.treq(host=HOST))
    inside.client_conn.sni = HOST
    inside.request.headers["host"] = HOST
    assert marks(doors, inside) == "proxy"


@pytest.mark.parametrize(("host", "status"), [(HOST, 407), ("example.com", None)])
def test_a_challenge_at_governed_hosts_alone(doors: Doors, host: str, status: int | None) -> None:
    """A client that waits to be asked is, and its tunnel is none yet."""
    flow = tflow.tflow(req=tutils.treq(method=b"CONNECT", host=host, port=443))
    flow.request.headers["user-agent"] = "git/2.39.5"
    asyncio.run(doors.http_connect(flow))
    assert (flow.response.status_code if flow.response else None) == status


def asked(doors: Doors, flow: http.HTTPFlow, chosen: type[layers.HttpLayer] | None) -> NextLayer:
    with taddons.context(loadcore=False) as tctx:
        context = Context(flow.client_conn, tctx.options)
    found = NextLayer(context)
    found.layer = chosen and chosen(context, layers.http.HTTPMode.transparent)
    doors.next_layer(found)
    return found


@pytest.mark.parametrize("forget", ["http_connect_error", "client_disconnected"])
def test_a_tunnel_ends(doors: Doors, forget: str) -> None:
    """After a failed CONNECT, or with the connection, nothing of the tunnel is left."""
    flow = connect(doors, HOST)
    getattr(doors, forget)(flow.client_conn if forget == "client_disconnected" else flow)
    assert not doors._tunnels


def test_foreign_traffic_passes(doors: Doors) -> None:
    """It is streamed, may be dialled, and goes without the proxy's credential."""
    flow = tflow.tflow(req=tutils.treq(host="example.com", port=80), resp=True)
    flow.client_conn.timestamp_end = None
    setattr(flow.request, _FORM, True)
    flow.request.headers["host"] = "example.com"
    flow.request.headers["proxy-authorization"] = "Basic secret"
    assert marks(doors, flow) == "foreign"
    doors.responseheaders(flow)
    assert flow.request.stream is True
    assert flow.response is not None
    assert flow.response.stream is True
    assert "proxy-authorization" not in flow.request.headers
    assert ("example.com", 80) in doors.destinations._allowed[flow.client_conn.id]


def test_governed_traffic_is_not_streamed(doors: Doors) -> None:
    """A call is read whole before it is judged, and its answer is left to the pipeline."""
    flow = tflow.tflow(req=tutils.treq(host="127.0.0.1", path=b"/v1/models"), resp=True)
    assert marks(doors, flow) == "base-url"
    doors.responseheaders(flow)
    assert not flow.request.stream
    assert flow.response is not None
    assert not flow.response.stream
    assert not doors.destinations._allowed


def test_a_call_that_led_back_to_aex(doors: Doors) -> None:
    """A name that resolves to AEX itself does not make its pages reachable through the proxy."""
    flow = tflow.tflow(req=tutils.treq(host="127.0.0.1", path=b"/dashboard"))
    call = tflow.tserver_conn()
    call.sockname, call.peername = flow.client_conn.peername, flow.client_conn.sockname
    doors.destinations.server_connected(ServerConnectionHookData(call, flow.client_conn))
    assert marks(doors, flow) == "misdirected"


def test_a_provider_without_an_address() -> None:
    """Its base URL is answered with what to configure, and leads nowhere."""
    found = arrival_at_home(TABLE, "127.0.0.1", "/azure/openai/v1/chat/completions")
    assert (found.door, found.provider) == ("misdirected", "azure")
    assert "upstream of [providers.azure]" in found.trouble


@pytest.mark.parametrize("host", ["api.x.ai", "eu-west-1.api.x.ai"])
def test_which_host_was_asked_is_kept(host: str) -> None:
    """A region's calls are told from those to the default host, by tunnel and by whole URL."""
    assert arrival_inside(TABLE, host, host, host, "/v1/x").host == host
    assert arrival_by_url(TABLE, host, host, "/v1/x", own=False).host == host
    assert arrival_at_home(TABLE, "127.0.0.1", "/x-ai/v1/x").host == ""


def test_the_shape_of_refusals_follows_the_canonical_path(doors: Doors) -> None:
    """A nested path is marked as what it is in the terms of its format."""
    path = b"/groq/openai/v1/chat/completions?a"
    flow = tflow.tflow(req=tutils.treq(host="127.0.0.1", path=path))
    assert marks(doors, flow) == "base-url"
    assert flow.metadata[PATH] == "/openai/v1/chat/completions?a"
    assert flow.metadata[CANONICAL] == "/v1/chat/completions"
