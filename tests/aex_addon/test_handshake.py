"""Which handshakes of WebSockets are made, and what an admitted one opens."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from aex_addon import handshake
from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal
from aex_addon.clock import utc_now
from aex_addon.configuration import configure
from aex_addon.identity import Credential
from aex_addon.known_secrets import Secrets
from aex_addon.settings import Settings
from aex_addon.socket_layer import outbox_of
from aex_addon.trip import Trip
from ledger.commands import Refusal
from providers.openai_realtime import OPENAI_REALTIME
from providers.openai_responses_ws import OPENAI_RESPONSES_SOCKET
from providers.wire import Call, Facts
from providers.wire_format import WireFormat

UPGRADE = {"upgrade": "WebSocket", "connection": "Upgrade"}
NOT_OURS = Refusal(403, "not_metered", "no")


def flow(version: str = "HTTP/1.1") -> http.HTTPFlow:
    return tflow.tflow(req=tutils.treq(method=b"GET", http_version=version.encode()))


def call(headers: Mapping[str, str] = UPGRADE) -> Call:
    return Call("openai", "GET", "/v1/realtime", "model=gpt-realtime", headers, b"")


@pytest.mark.parametrize(
    ("kind", "wire_format", "version", "found", "code"),
    [
        ("socket", OPENAI_RESPONSES_SOCKET, "HTTP/1.1", None, ""),
        ("socket", OPENAI_RESPONSES_SOCKET, "HTTP/2.0", None, "websocket_not_metered"),
        ("free", None, "HTTP/1.1", None, "websocket_not_metered"),
        ("free", None, "HTTP/1.1", NOT_OURS, "websocket_not_metered"),
        ("socket", OPENAI_REALTIME, "HTTP/1.1", NOT_OURS, ""),
        ("socket", OPENAI_REALTIME, "HTTP/1.1", None, ""),
    ],
)
def test_a_handshake_is_refused_where_messages_are_not_metered(
    kind: str, wire_format: WireFormat, version: str, found: Refusal | None, code: str
) -> None:
    """With 426, whatever else is wrong; but a format without plain requests says its own reason."""
    facts = Facts("/v1/x", kind)  # type: ignore[arg-type]
    appraisal = Appraisal(facts, wire_format, refusal=found)
    refusal = handshake.refusal(flow(version), call(), appraisal)
    assert (refusal.code if refusal else "") == code
    assert refusal is None or refusal.status == 426


def test_a_plain_request_is_no_handshake() -> None:
    """Nor is one that asks for another protocol."""
    appraisal = Appraisal(Facts("/v1/x", "metered"))
    for headers in ({"upgrade": "h2c"}, {}):
        assert handshake.refusal(flow(), call(headers), appraisal) is None


@pytest.mark.parametrize("wire_format", [OPENAI_REALTIME, OPENAI_RESPONSES_SOCKET])
def test_what_an_admitted_handshake_opens(wire_format: WireFormat) -> None:
    """A connection that is whose the trip is, with an outbox, and a session where one is kept."""
    configuration = configure(Settings(body_limit_mib=3), {}, Secrets(), utc_now())
    route = configuration.routes.by_id("openai")
    assert route is not None
    asked, credential, made = call(), Credential("t"), flow()
    trip = Trip(configuration, "proxy", credential, asked, Choice(route, asked))
    socket = handshake.opened(made, trip, wire_format)
    assert (socket.handshake, socket.door, socket.credential) == (asked, "proxy", credential)
    assert socket.outbox is outbox_of(made)
    assert socket.outbox.size_max == 3 * 2**20
    assert (socket.session is not None) == (wire_format is OPENAI_REALTIME)
