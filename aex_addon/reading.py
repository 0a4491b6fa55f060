"""What a request asks: the call in it, and the ways that it may go.

Owns: making a Trip of a flow, also where its bytes cannot be read: that call is refused by the
ledger, so that it is on record.
Refuses to know: what a call may cost (appraisal.py), which way is taken (pipeline.py, fallback.py).
"""

from __future__ import annotations

from mitmproxy import http

from aex_addon import calls, idempotency
from aex_addon.aliases import Choice
from aex_addon.configuration import Configuration
from aex_addon.doors import PATH
from aex_addon.identity import Credential
from aex_addon.routes import Route
from aex_addon.trip import Trip
from ledger.commands import Refusal
from providers.wire import Call, Refused


def read(
    flow: http.HTTPFlow,
    configuration: Configuration,
    route: Route,
    door: str,
    credential: Credential,
) -> Trip:
    """The request as it came, by that door, on that provider's route. Never raises for bytes."""
    body_max = configuration.settings.body_limit_mib * 2**20
    try:
        call = calls.read_call(flow, route, body_max)
        idempotency.key_hash(call)
    except Refused as refused:
        path = calls.plain_path(str(flow.metadata[PATH]))
        call = Call(route.id, flow.request.method, path, "", {}, b"")
        denial = refused.denial
        unread = Refusal(denial.status, denial.code, denial.message)
        choice = Choice(route, call, refusal=unread)
        return Trip(configuration, door, credential, call, choice)
    if door != "base-url":
        return Trip(configuration, door, credential, call, Choice(route, call))
    first, others = configuration.aliases.choices(call, route)
    return Trip(configuration, door, credential, call, first, others)
