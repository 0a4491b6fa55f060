"""The addons of AEX: one explicit list, in order, the same for `aex up` and `mitmdump -s`.

Owns: the order, and the options of mitmproxy that AEX cannot do without.
Refuses to know: what each part does; that stands at the top of its file.
"""

from __future__ import annotations

from typing import Any

from mitmproxy import http

from aex_addon.assembly import Assembly
from aex_addon.calls import reached_provider
from aex_addon.captures import Captures
from aex_addon.delegation import Delegation
from aex_addon.doors import Doors
from aex_addon.egress import Egress
from aex_addon.fallback import Fallback
from aex_addon.gate import Gate
from aex_addon.guard import ADMITTED
from aex_addon.hangups import Hangups
from aex_addon.leases import Leases
from aex_addon.leaves import Leaves
from aex_addon.mount import Mount
from aex_addon.pipeline import EXECUTION, Pipeline
from aex_addon.policy_workers import PolicyWorkers
from aex_addon.pressure import Pressure
from aex_addon.refusals import refuse
from aex_addon.routes import Routes
from aex_addon.settings import Settings
from aex_addon.standing import Standing
from aex_addon.tool_calls import ToolCalls, bench
from aex_addon.version import version
from aex_addon.web_acts import hand_over
from aex_addon.websocket import Websocket
from providers.wire import Denial
from web.app import create_app

TUNED: dict[str, Any] = {
    # The real host must not be dialled before admission has decided.
    "connection_strategy": "lazy",
    # A leaf must name the asked host alone: other names lie outside the CA's constraints.
    "upstream_cert": False,
    # What is no HTTP inside a governed tunnel must not be relayed as bytes.
    "rawtcp": False,
    # A model may think longer than mitmproxy's ten minutes before it sends a byte.
    "tcp_timeout": 3600,
    "validate_inbound_headers": True,
    "ssl_insecure": False,
    "store_streamed_bodies": False,
    # A body that is sent on while it is read would leave before it has been admitted.
    "stream_large_bodies": None,
}


def options(assembly: Assembly) -> dict[str, Any]:
    """mitmproxy's options as AEX needs them, under either master."""
    return {
        **TUNED,
        "confdir": str(assembly.home.ca_dir),
        "body_size_limit": body_size_limit(assembly.settings),
    }


def body_size_limit(settings: Settings) -> str:
    """The limit on bodies as mitmproxy writes it."""
    return f"{settings.body_limit_mib}m"


def default_addons(assembly: Assembly) -> list[Any]:
    """The ordered list."""
    parts = assembly.parts
    pipeline = Pipeline(parts)

    def shape(flow: http.HTTPFlow, status: int, message: str) -> http.Response | None:
        return _shape(pipeline, flow, status, message)

    def table() -> Routes:
        return parts.configuration.routes

    egress = Egress(parts)
    doors = Doors(table, parts.destinations, shape, egress)

    def about() -> dict[str, Any]:
        return {
            "version": version(),
            "gateway": parts.gateway,
            "draining": pipeline.draining,
            "inflight": len(pipeline.inflight),
            "ledger_backlog": parts.books.backlog,
        }

    return [
        egress,  # hears no flow: where a captured connection goes, before that is looked at
        parts.destinations,  # its veto on dialling must not depend on any other part
        Leaves(assembly.home.ca_dir),  # hears no flow: what agents are shown in TLS
        parts.identity,  # CONNECT's credential is kept before the tunnel is judged
        doors,  # every later part reads its mark
        Captures(table, doors, assembly.payers),  # hears no flow: makes tunnels unasked
        Mount(create_app(hand_over(assembly, about)), assembly.settings.metrics),  # pages end here
        ToolCalls(
            pipeline, bench(assembly.home, assembly.settings.ledger)
        ),  # tools that AEX runs itself
        Delegation(parts),  # what else an agent may ask of AEX
        pipeline,  # the life of a call
        Fallback(pipeline),  # and its next try, where a route has one
        Websocket(pipeline),  # the same, message by message
        Pressure(),  # hears no flow: how fast connections are read
        Hangups(),  # after all others: what mitmproxy leaves open
        Standing(pipeline, egress),  # hears no flow: ends calls whose right to be made has ended
        PolicyWorkers(assembly),  # hears no flow: the plugins' processes
        Leases(parts.books, parts.gateway, assembly.settings.recovery),  # hears no flow
        assembly.checkpointer,  # beside the calls, in a thread of its own
        Gate(),  # last: what was not admitted does not leave
    ]


def _shape(
    pipeline: Pipeline, flow: http.HTTPFlow, status: int, message: str
) -> http.Response | None:
    """What mitmproxy would answer by itself, as the flow's provider would say it."""
    execution = flow.metadata.get(EXECUTION)
    if status == 413:
        limit = pipeline.parts.settings.body_limit_mib
        message = f"The body is larger than {limit} MiB, the limit of AEX (body_limit_mib)"
        return refuse(flow, Denial(413, "body_too_large", message + "."))
    # What follows is advice to whoever runs mitmproxy.
    message = message.partition(", refusing")[0].removesuffix(".") + "."
    if status < 500:
        return refuse(flow, Denial(status, "malformed_request", message))
    dispatched = bool(flow.metadata.get(ADMITTED))
    sent = dispatched and reached_provider(flow)
    denial = Denial(
        status,
        "upstream_failed",
        message,
        remedy=_AFTER_DISPATCH if sent else "",
        retryable=dispatched and not sent,
        execution_id=execution,
    )
    return refuse(flow, denial)


_AFTER_DISPATCH = (
    "The provider may have billed this call; `aex executions show` tells how it was booked."
)
