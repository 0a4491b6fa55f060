"""Patch: the request as it leaves, on the way of one try.

Owns: what a grant changes in a request: its body, the encoding that its answer may have, whose key
is in it. What an agent signed itself is never changed.
Refuses to know: flows of WebSockets (handshake.py), whether the call may leave (admission.py).
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon import calls, denials
from aex_addon.aliases import Choice
from aex_addon.inflight import InFlight
from providers.wire import Denial


def patch(flow: http.HTTPFlow, choice: Choice, inflight: InFlight) -> Denial | None:
    """Turns the request into the one that was admitted; a denial where it cannot be that."""
    route, body, appraisal = choice.route, choice.call.body, inflight.appraisal
    facts = appraisal.facts
    if appraisal.price is not None:
        assert appraisal.wire_format is not None, "only a wire format's facts get a price"
        body = appraisal.wire_format.patch(choice.call, facts, inflight.grant())
    if appraisal.reads_answer:
        # What is hidden from an answer, or edited in it, must be bytes that can be read.
        flow.request.headers["accept-encoding"] = "identity"
    if route.credentials.of_agent and calls.breaks_signature(flow.request, body):
        return denials.signed_body(inflight.admitted.execution_id)
    socket = facts.kind == "socket"
    calls.send_upstream(flow, route, b"" if socket else body, socket)
    return None
