"""The life of a call, in wire order. Read this file first.

    identify    who pays                                             identity.py
    read        wire format -> facts -> the most it may cost         appraisal.py, providers/
    admit       one ledger transaction: reserved and dispatched, or denied     ledger/
    patch       provider key in, AEX token out, output cap written, usage asked for     patching.py
    meter       the answer's bytes -> usage, while they flow         providers/
    settle      one ledger transaction: committed or released        inflight.py, ledger/

Owns: the order of these steps and every branch between them.
Refuses to know: doors, formats, prices, SQL. Whatever raises before dispatch refuses the call
(guard.py); whatever raises after it leaves the execution open for recovery, never unbooked.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.connection import ConnectionState

from aex_addon import calls, clock, denials, handshake, mcp_calls, mcp_streams, reading, watch
from aex_addon.admission import Admission
from aex_addon.answers import Answers
from aex_addon.appraisal import Appraisal
from aex_addon.books import durable
from aex_addon.bulks import Bulks
from aex_addon.doors import DOOR, HOST, PROVIDER, TROUBLE
from aex_addon.early_end import end_early
from aex_addon.guard import ADMITTED, PASSED, fail_closed, survive
from aex_addon.inflight import Attempt, Ending, InFlight, Recording
from aex_addon.likeness import Likeness
from aex_addon.memory import Memory
from aex_addon.models_page import ModelsPage, asks_for_models
from aex_addon.parts import Parts
from aex_addon.patching import patch
from aex_addon.payers import where_from
from aex_addon.refusals import refuse
from aex_addon.relay import relay
from aex_addon.sockets import Socket
from aex_addon.trip import Trip
from ledger.commands import Admit, Commit, Release
from ledger.outcomes import Admitted, Outcome, Replayed
from providers.wire import Denial, Facts

logger = logging.getLogger("aex.pipeline")

EXECUTION = "aex.execution"


def _fault(flow: http.HTTPFlow) -> http.Response:
    denial = denials.unavailable("a fault inside AEX, see its log", flow.metadata.get(EXECUTION))
    return refuse(flow, denial)


class Pipeline:
    """The addon. One instance serves all flows; each call's state is in `inflight`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.inflight: WeakKeyDictionary[http.HTTPFlow, InFlight] = WeakKeyDictionary()
        self.sockets: WeakKeyDictionary[http.HTTPFlow, Socket] = WeakKeyDictionary()
        self.trips: WeakKeyDictionary[http.HTTPFlow, Trip] = WeakKeyDictionary()
        self.answers = Answers(lambda: parts.settings, parts.books, parts.vault)
        self.likeness = Likeness()
        self.memory = Memory()
        self.bulks = Bulks(parts)
        self.admission = Admission(parts, self.answers, self.likeness)
        self.models = ModelsPage(parts, self.admission)
        self.draining = False

    @fail_closed(_fault)
    async def request(self, flow: http.HTTPFlow) -> None:
        """Identify, read, admit, patch: after this hook the call leaves, or its denial does."""
        if flow.response or flow.error or not flow.live:
            return
        door = flow.metadata[DOOR]
        if door in ("web", "own", "foreign"):
            flow.metadata[PASSED] = True
            return
        with watch.waiting(self.parts, "admission"):
            denial = await self._admit(flow, door)
        if denial is not None:
            flow.response = refuse(flow, denial)

    async def _admit(self, flow: http.HTTPFlow, door: str) -> Denial | None:
        if door == "misdirected":
            return denials.misdirected(flow.metadata[TROUBLE])
        if denial := self.stopping():
            return denial
        configuration = self.parts.configuration
        route = configuration.routes.of(flow.metadata[PROVIDER], flow.metadata[HOST])
        if route is None:
            # The table was another one when its head came in.
            return denials.unavailable("its configuration has just changed")
        slot, own = route.credentials.token_stands_in, route.provider.key_header.name
        credential = self.parts.identity.of(flow, slot, own)
        if credential is None:
            return denials.missing_token(slot, where_from(flow.client_conn))
        trip = reading.read(flow, configuration, route, door, credential)
        if trip.choice.refusal is None and asks_for_models(trip.asked, door, configuration):
            return await self.models.answer(flow, trip)
        await trip.choice.route.credentials.ready()
        appraisal = await self.appraise(flow, trip)
        command = await self.admission.command(trip, appraisal)
        if denial := self.stopping() or _gone(flow):
            # Plugins took their time, and nobody waits for what begins from here on.
            return denial
        flow.metadata[EXECUTION] = trip.first = command.execution_id
        outcome = await self.admission.decide(command)
        if isinstance(outcome, Replayed):
            return await self.answers.replay(flow, outcome.execution_id)
        if isinstance(outcome, Denial):
            return None if mcp_streams.told(flow, outcome, command, self.inflight) else outcome
        trip.let_others_stand_by(flow)
        return self.dispatch(flow, trip, self.opened(trip, command, outcome, appraisal))

    def stopping(self) -> Denial | None:
        """Why no call begins any more, once that is so."""
        return denials.unavailable("the gateway is stopping") if self.draining else None

    def opened(
        self, trip: Trip, command: Admit, admitted: Admitted, appraisal: Appraisal
    ) -> InFlight:
        """An admitted try, about to be dispatched."""
        left = partial(self.admission.tools_left, command, trip)
        appraisal = mcp_calls.as_admitted(appraisal, trip, admitted, left)
        inflight = InFlight(admitted, appraisal, trip.choice.route.id, due=trip.due)
        inflight.attempt = Attempt(
            command.token_hash, command.fingerprint, keyed=bool(command.key_hash)
        )
        if command.key_hash:
            kept_max = trip.configuration.settings.idempotency_max_kib * 1024
            inflight.recording = Recording(kept_max)
        return inflight

    async def appraise(self, flow: http.HTTPFlow, trip: Trip) -> Appraisal:
        """What the call is and may cost, if it goes the way chosen; or why it must not. The call
        is from then on one that knows what of it the provider keeps."""
        choice = trip.choice
        route, call = choice.route, choice.call
        if choice.refusal is not None:
            return Appraisal(Facts(call.path, "free", choice.model), refusal=choice.refusal)
        if earlier := self.memory.of(route.id):
            call = replace(call, earlier=earlier)
        formats = route.provider.formats
        call, trip.due = await self.bulks.recalled(flow, call, formats)
        if call is not choice.call:
            trip.choice = replace(choice, call=call)
        appraisal = await self.bulks.appraised(call, formats, trip.configuration)
        refusal = handshake.refusal(flow, call, appraisal) or appraisal.refusal
        refusal = refusal or route.credentials.lacking(flow.request)
        if refusal is not None:
            appraisal = Appraisal(appraisal.facts, appraisal.wire_format, refusal=refusal)
        return appraisal

    def dispatch(self, flow: http.HTTPFlow, trip: Trip, inflight: InFlight) -> Denial | None:
        """Patch: the request as it leaves, on the way of this try."""
        self.inflight[flow], self.trips[flow] = inflight, trip
        trip.point(flow)
        wire_format = inflight.appraisal.wire_format
        if inflight.appraisal.facts.kind == "socket" and wire_format is not None:
            self.sockets[flow] = handshake.opened(flow, trip, wire_format)
        denial = patch(flow, trip.choice, inflight)
        if denial is not None:
            return denial
        route = trip.choice.route
        self.parts.destinations.allow(flow.client_conn.id, route.host, route.port)
        flow.metadata[ADMITTED] = True
        watch.let_go(inflight)
        return None

    @survive
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Meter: from here on every byte passes the relay as it arrives."""
        inflight, trip = self.inflight.get(flow), self.trips.get(flow)
        if inflight is None or trip is None or not inflight.dispatched or flow.response is None:
            return
        watch.first_byte(self.parts, inflight)
        trip.stay()
        access = trip.choice.route.credentials
        access.heard(flow.response.status_code, flow.response.headers)
        decoded_max = trip.configuration.settings.body_limit_mib * 2**21
        end = partial(_end, flow, inflight)
        relay(flow, flow.response, inflight, decoded_max, trip.configuration.routes.secrets, end)

    @survive
    async def response(self, flow: http.HTTPFlow) -> None:
        """Settle: the answer has ended; its last byte waits until that is in the books."""
        await self.settle(flow, "complete")

    @survive
    async def error(self, flow: http.HTTPFlow) -> None:
        """Settle: the client or the provider went away."""
        await self.settle(flow, "broken")

    async def settle(self, flow: http.HTTPFlow, ending: Ending, sent: bool = True) -> None:
        """Books the flow's open call, if there is one. sent: it may have left for the provider."""
        inflight = self.inflight.get(flow)
        if inflight is None or inflight.settled:
            return
        if inflight.cut:
            ending = "broken"
        left = sent and calls.reached_provider(flow)
        command = self._ended(inflight, ending, left)
        books = self.parts.books
        try:
            with watch.waiting(self.parts, "settlement"):
                futures = [self._book(inflight, command, ending)]
                futures += [books.settle(more) for more in await self.bulks.told(inflight)]
                await durable(command.execution_id, *futures)
        finally:
            self.inflight.pop(flow, None)
            self.trips.pop(flow, None)
            inflight.let_go()
            self.answers.one_ended()

    def _ended(self, inflight: InFlight, ending: Ending, left: bool) -> Commit | Release:
        """How a call that has ended is booked; what later calls are told by is noted."""
        command: Commit | Release = inflight.end(ending, bytes_left=left)
        inflight.settled = True
        if ending == "complete" and inflight.meter is not None:
            facts = inflight.appraisal.facts
            self.memory.note(inflight.provider, facts, inflight.meter.reading())
        if ending == "broken" or isinstance(command, Release):
            attempt = inflight.attempt
            self.likeness.failed(
                attempt.token_hash, attempt.fingerprint, command.execution_id, clock.now_ns()
            )
        return self.bulks.kept(inflight, command)

    def _book(
        self, inflight: InFlight, command: Commit | Release, ending: Ending
    ) -> Future[Outcome]:
        """Puts the booking on its way."""
        booking = self.parts.books.settle(self.answers.sealed(inflight, command, ending))
        watch.booked(self.parts, inflight, command)
        return booking

    def settle_all(self) -> None:
        """Books every call still under way as broken off; for a stop that waits no longer."""
        for flow, inflight in list(self.inflight.items()):
            if inflight.settled:
                continue
            inflight.stop(denials.unavailable("the gateway is stopping"))
            try:
                command = self._ended(inflight, "broken", calls.reached_provider(flow))
            except Exception:
                logger.exception("a call could not be booked; the next start recovers it")
                continue
            self._book(inflight, command, "broken")


def _gone(flow: http.HTTPFlow) -> Denial | None:
    closed = flow.client_conn.state is ConnectionState.CLOSED
    return Denial(499, "client_gone", "the client went away") if closed else None


def _end(flow: http.HTTPFlow, inflight: InFlight, why: Callable[[str], Denial]) -> None:
    end_early(flow, inflight, why(inflight.admitted.execution_id))
