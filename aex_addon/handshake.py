"""The handshake of a WebSocket: whether it may be made, and what it opens.

Owns: telling a handshake whose messages are metered from one that is refused.
Refuses to know: what is said over it (websocket.py), frames (socket_layer.py).
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon import calls
from aex_addon.appraisal import Appraisal
from aex_addon.socket_layer import open_outbox
from aex_addon.sockets import Socket
from aex_addon.trip import Trip
from ledger.commands import Refusal
from providers.session import KeepsSession
from providers.wire import Call
from providers.wire_format import WireFormat


def refusal(flow: http.HTTPFlow, call: Call, appraisal: Appraisal) -> Refusal | None:
    """Unless its messages are metered, the handshake of a WebSocket is refused, whatever else was
    found in it: 426 is what makes clients fall back to plain requests. Where there are none to fall
    back to, the format says what it refuses."""
    if not calls.is_websocket(call):
        return None
    falls_back = not isinstance(appraisal.wire_format, KeepsSession)
    if appraisal.refusal is not None and not falls_back:
        return None
    if appraisal.facts.kind == "socket" and flow.request.http_version == "HTTP/1.1":
        return None
    message = "AEX does not meter this WebSocket yet; use plain HTTP requests instead."
    return Refusal(426, "websocket_not_metered", message)


def opened(flow: http.HTTPFlow, trip: Trip, wire_format: WireFormat) -> Socket:
    """The connection that an admitted handshake opens; from now on no message passes by itself."""
    route, call = trip.choice.route, trip.choice.call
    outbox = open_outbox(flow, trip.configuration.settings.body_limit_mib * 2**20)
    session = wire_format.session(call) if isinstance(wire_format, KeepsSession) else None
    return Socket(call, trip.door, trip.credential, route, wire_format, outbox, session)
