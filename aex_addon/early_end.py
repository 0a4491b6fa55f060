"""Ending calls under way before their end, between two events of a stream and no later.

Owns: the order to end, and how long a stream may finish the event it is in.
Refuses to know: why (standing.py, inflight.py), and how mitmproxy's layers do it (http_stream.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging

from mitmproxy import ctx, http

from aex_addon.http_stream import Farewell, Interrupt
from aex_addon.inflight import InFlight
from aex_addon.refusals import refuse
from aex_addon.socket_layer import POLICY, outbox_of
from aex_addon.tap import Tap
from providers.mcp_errors import error_events
from providers.quirks import adjust
from providers.wire import Denial

logger = logging.getLogger("aex")

# An event that is not whole by then is given up: the stream breaks off without a last word.
EVENT_PATIENCE_S = 0.3


def end_early(flow: http.HTTPFlow, inflight: InFlight, denial: Denial) -> None:
    """Ends the call with this denial, soon; the hooks of its end settle it. Never raises."""
    if inflight.settled or inflight.cut:
        return
    inflight.cut = f"ended early: {denial.message}"
    try:
        if not inflight.stop(denial):
            _order(flow, inflight, denial)
    except Exception:
        logger.exception("a call could not be ended early; it goes on")


def _order(flow: http.HTTPFlow, inflight: InFlight, denial: Denial) -> None:
    wire_format = inflight.appraisal.wire_format
    adjusted = adjust(denial, flow.request.headers.get("user-agent", ""))
    event = b""
    if wire_format is not None:
        event = error_events(wire_format, adjusted, flow.request.raw_content or b"")
    farewell = Farewell(refuse(flow, denial), functools.partial(_last_words, flow, event))
    interrupt = functools.partial(_interrupt, flow, farewell)
    outbox = outbox_of(flow)
    if outbox is not None and flow.websocket is not None:
        outbox.to_client(event)
        outbox.end(POLICY, denial.code)
    tap = _tap(flow)
    if tap is None or tap.stop(event, interrupt):
        interrupt()
    else:
        asyncio.get_running_loop().call_later(EVENT_PATIENCE_S, interrupt)


def _tap(flow: http.HTTPFlow) -> Tap | None:
    tap = flow.response.stream if flow.response else None
    return tap if isinstance(tap, Tap) else None


def _last_words(flow: http.HTTPFlow, event: bytes) -> bytes | None:
    tap = _tap(flow)
    if tap is None:
        return None
    # Told again, as the answer may have begun after the order was given.
    tap.stop(event, lambda: None)
    return tap.last_words()


def _interrupt(flow: http.HTTPFlow, farewell: Farewell) -> None:
    # Where the connection is gone, so is the call: its hooks have ended it.
    with contextlib.suppress(ValueError):
        ctx.master.addons.get("proxyserver").inject_event(Interrupt(flow, farewell))
