"""Denials on the older transport of MCP, where an answer comes on another stream than its request.

Owns: finding the stream that a client listens on, and putting the denial there.
Refuses to know: how a stream is written to (http_stream.py), what a denial says.

A client of that transport posts its requests, and hears of no status: it would wait for ever for
the answer to one that was refused. So the denial becomes an event of its stream, and the post is
accepted. The stream must be of the same payer, at the same server, and have told its client to
post to this very address; else the status is all that there is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from mitmproxy import ctx, http

from aex_addon.doors import FORMATS, PATH
from aex_addon.http_stream import Aside
from aex_addon.inflight import InFlight
from aex_addon.tap import Tap
from ledger.commands import Admit
from providers import mcp_errors, mcp_messages
from providers.mcp import MCP
from providers.mcp_lists import homed
from providers.mcp_meter import McpMeter
from providers.wire import Denial


def told(
    flow: http.HTTPFlow,
    denial: Denial,
    command: Admit,
    inflight: Mapping[http.HTTPFlow, InFlight],
) -> bool:
    """True if the denial of this post is told on another stream; then it has its answer.

    command: as which it was denied.
    """
    if MCP.name not in flow.metadata.get(FORMATS, ()):
        return False
    body = flow.request.raw_content or b""
    path = str(flow.metadata[PATH])
    for other, call in inflight.items():
        meter, tap = call.meter, other.response.stream if other.response else None
        if not isinstance(meter, McpMeter) or not isinstance(tap, Tap) or not meter.endpoint:
            continue
        own = (call.provider, call.attempt.token_hash) == (command.provider, command.token_hash)
        if own and homed(meter.endpoint, "") == path and mcp_messages.ids(body)[0]:
            if not tap.say(mcp_errors.events(denial, body)):
                return False
            with contextlib.suppress(ValueError):
                # Where its connection is gone, nobody waits.
                ctx.master.addons.get("proxyserver").inject_event(Aside(other, tap.beside))
            flow.response = http.Response.make(202, b"Accepted")
            flow.response.headers["x-aex-execution-id"] = denial.execution_id or ""
            return True
    return False
