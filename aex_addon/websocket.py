"""The life of a call over a WebSocket: each message that asks for something is one.

    handshake   admitted as a free call, sent on with the provider's key      pipeline.py
    message     read, admitted, patched, sent                                 here
                (or passed for nothing, where the format's session says so)   providers/
    answer      its messages -> usage, while they pass; settled at its end    here
    end         what is open is booked by what was delivered                  here

Owns: the order of these steps. One call at a time is open on a connection, as the provider itself
has it; what comes meanwhile waits its turn.
Refuses to know: frames, formats, prices. Every message of a client is dropped first, and only what
was admitted is said to the provider in its stead; whatever raises ends the connection.
"""

from __future__ import annotations

import asyncio
import logging

from mitmproxy import http
from mitmproxy.websocket import WebSocketMessage

from aex_addon import denials, watch
from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal, appraise
from aex_addon.early_end import end_early
from aex_addon.excess import exceeded
from aex_addon.guard import PASSED, survive
from aex_addon.inflight import Attempt, InFlight
from aex_addon.pipeline import Pipeline
from aex_addon.socket_layer import FAULT
from aex_addon.sockets import Socket
from aex_addon.trip import Trip
from ledger.commands import Refusal
from ledger.outcomes import Admitted
from providers.quirks import adjust
from providers.session import Session, Turn
from providers.wire import Denial, Facts, Refused

logger = logging.getLogger("aex.websocket")

_PASSES = Turn(passes=True)
_NO_TEXT = Denial(400, "invalid_request", "A message must be text.")
_NO_ROUTES = Refusal(
    403,
    "route_mismatch",
    "The names of routes are not known over a WebSocket; use plain HTTP requests for this model.",
)
_TOO_MANY = Denial(
    429,
    "too_many_waiting",
    "Too many messages wait for the answer before them on this connection.",
    "Wait for the answers, or open another connection.",
)


class Websocket:
    """The addon; it stands beside the pipeline, whose open calls it shares."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        """A whole message has come in; after this hook it goes on, unless it was dropped."""
        assert flow.websocket is not None, "mitmproxy calls this hook for WebSockets only"
        # mitmproxy keeps every message of a connection for as long as that lives.
        del flow.websocket.messages[:-1]
        message = flow.websocket.messages[-1]
        if flow.metadata.get(PASSED):
            return
        socket = self.pipeline.sockets.get(flow)
        if socket is None:
            message.drop()
            logger.error("a message on a WebSocket that was not admitted; it was dropped")
            return
        try:
            await self._message(flow, socket, message)
        except asyncio.CancelledError:
            message.drop()
            raise
        except Exception:
            message.drop()
            socket.outbox.end(FAULT, "AEX failed; see its log")
            logger.exception("a WebSocket was ended because a message could not be dealt with")

    @survive
    async def websocket_end(self, flow: http.HTTPFlow) -> None:
        """Settle: one side has gone, whatever was still open."""
        socket = self.pipeline.sockets.pop(flow, None)
        if socket is not None:
            sent = not socket.outbox.holds(socket.asked)
            await self.pipeline.settle(flow, "broken", sent=sent)

    async def _message(
        self, flow: http.HTTPFlow, socket: Socket, message: WebSocketMessage
    ) -> None:
        if not message.from_client:
            await self._said(flow, socket, message)
            return
        message.drop()
        if not message.is_text:
            self._refuse(socket, _NO_TEXT)
        elif socket.session is None:
            await self._asked(flow, socket, message.content)
        else:
            await self._heard(flow, socket, socket.session, message.content)

    async def _heard(
        self, flow: http.HTTPFlow, socket: Socket, session: Session, message: bytes
    ) -> None:
        """A message of a client of which the session says whether it asks for something."""
        try:
            turn = session.from_client(message)
        except Refused as refused:
            self._refuse(socket, refused.denial)
            return
        await self._take(flow, socket, turn)

    async def _said(self, flow: http.HTTPFlow, socket: Socket, message: WebSocketMessage) -> None:
        """A message of the provider: metered, and taken note of in the session."""
        turn = _PASSES
        if socket.session is not None:
            turn = socket.session.from_provider(message.content)
        if turn.ends:
            logger.error("a WebSocket is ended: %s", turn.ends)
            socket.outbox.end(FAULT, turn.ends)
        if socket.outbox.close is not None or not turn.passes:
            # Where it ends, what is said to the client now is the last that it hears.
            message.drop()
        await self._answered(flow, socket, message.content)
        if not socket.outbox.close:
            await self._take(flow, socket, turn)

    async def _take(self, flow: http.HTTPFlow, socket: Socket, turn: Turn) -> None:
        for message in turn.to_provider:
            socket.outbox.to_provider(message)
        for message in turn.asks:
            await self._asked(flow, socket, message)
        for message in turn.again:
            assert socket.session is not None, "only a session holds messages back"
            await self._heard(flow, socket, socket.session, message)

    async def _asked(self, flow: http.HTTPFlow, socket: Socket, message: bytes) -> None:
        """Asks at once, or as soon as the calls before have ended."""
        if flow not in self.pipeline.inflight and not socket.waiting:
            await self._ask(flow, socket, message)
        elif not socket.wait(message):
            self._refuse(socket, _TOO_MANY)

    async def _ask(self, flow: http.HTTPFlow, socket: Socket, message: bytes) -> None:
        denial = await self._admit(flow, socket, message)
        if denial is not None:
            self._refuse(socket, denial)

    async def _admit(self, flow: http.HTTPFlow, socket: Socket, message: bytes) -> Denial | None:
        pipeline, route = self.pipeline, socket.route
        if denial := pipeline.stopping():
            return denial
        configuration = pipeline.parts.configuration
        call = socket.call(message, pipeline.memory.of(route.id))
        formats, now = (socket.wire_format.name,), pipeline.parts.now()
        appraisal = appraise(call, formats, configuration.prices, configuration.settings, now)
        if socket.door == "base-url" and configuration.aliases.of(appraisal.facts.model or ""):
            # The connection is with one provider already, and a name may lead to another.
            appraisal = Appraisal(appraisal.facts, refusal=_NO_ROUTES)
        trip = Trip(configuration, socket.door, socket.credential, call, Choice(route, call))
        command = await pipeline.admission.command(trip, appraisal)
        if denial := pipeline.stopping():
            return denial
        admitted = await pipeline.admission.decide(command)
        if isinstance(admitted, Denial):
            return admitted
        assert isinstance(admitted, Admitted), "a message has no key that could be known already"
        inflight = InFlight(admitted, appraisal, route.id)
        inflight.attempt = Attempt(command.token_hash, command.fingerprint, keyed=False)
        pipeline.inflight[flow] = inflight
        facts = appraisal.facts
        inflight.meter = socket.wire_format.meter(facts, 200, "")
        socket.asked = socket.wire_format.patch(call, facts, inflight.grant())
        watch.let_go(inflight)
        socket.outbox.to_provider(socket.asked)
        return None

    async def _answered(self, flow: http.HTTPFlow, socket: Socket, message: bytes) -> None:
        inflight = self.pipeline.inflight.get(flow)
        if inflight is None or inflight.meter is None:
            self._unasked(socket, message)
            return
        inflight.meter.feed(message)
        reading = inflight.meter.reading()
        before, inflight.status = inflight.status, reading.status or 0
        if inflight.status and not before:
            watch.first_byte(self.pipeline.parts, inflight)
        if not reading.complete:
            if exceeded(inflight):
                end_early(flow, inflight, denials.outgrown(inflight.admitted.execution_id))
            return
        await self.pipeline.settle(flow, "complete")
        while socket.waiting and flow not in self.pipeline.inflight and not socket.outbox.close:
            await self._ask(flow, socket, socket.waiting.popleft())

    def _unasked(self, socket: Socket, message: bytes) -> None:
        """Notices may come at any time; an answer that nobody was admitted for may not."""
        meter = socket.wire_format.meter(Facts("", "socket"), 200, "")
        meter.feed(message)
        if meter.reading().status == 200:
            logger.error("a provider answered what was not asked; the WebSocket is ended")
            socket.outbox.end(FAULT, "an answer to no call")

    def _refuse(self, socket: Socket, denial: Denial) -> None:
        adjusted = adjust(denial, socket.agent)
        socket.outbox.to_client(socket.wire_format.error_event(adjusted))
