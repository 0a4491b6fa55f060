"""The next try of a call whose provider failed before its answer began.

    settle      the try that failed, by the same law as any end          inflight.py
    admit       the next one, anew: with a reserve of its own            admission.py
    patch       the request as it came, for the next provider            pipeline.py

The first two are one ledger transaction, so that no other call comes between them. Each try is an
execution, linked to the first (`retry_of`).
Owns: which way is taken next, and what becomes of the request where none can be.
Refuses to know: what counts as a fault (settings.py), how a request is sent anew (http_again.py).
"""

from __future__ import annotations

import logging

from mitmproxy import http

from aex_addon import calls, denials, watch
from aex_addon.appraisal import Appraisal
from aex_addon.books import durable
from aex_addon.guard import survive
from aex_addon.http_again import standby_of
from aex_addon.inflight import InFlight
from aex_addon.pipeline import EXECUTION, Pipeline
from aex_addon.refusals import refuse
from aex_addon.trip import Trip
from ledger.commands import Admit, Commit
from ledger.outcomes import Replayed
from providers.wire import Denial

logger = logging.getLogger("aex.fallback")


class Fallback:
    """The addon; it stands beside the pipeline, whose open calls it shares."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    @survive
    async def aex_again(self, flow: http.HTTPFlow) -> None:
        """A try has failed. Whatever is not settled here goes its usual way."""
        trip, failed = self.pipeline.trips.get(flow), self.pipeline.inflight.get(flow)
        standby = standby_of(flow)
        if trip is None or failed is None or standby is None:
            return
        if _is_over(failed) or self.pipeline.draining:
            return
        tried = trip.choice.route
        appraisal = await self._next(flow, trip)
        if appraisal is None or _is_over(failed):
            return
        command = await self.pipeline.admission.command(trip, appraisal, retry_of=trip.first)
        if _is_over(failed):
            return
        if standby.fault.isdigit():
            failed.status = int(standby.fault)
            tried.credentials.heard(failed.status, standby.headers)
        logger.warning(
            "%s of %s: %s; now %s is asked",
            *(failed.admitted.execution_id, tried.id, standby.fault, trip.choice.route.id),
        )
        try:
            denial = await self._try(flow, trip, failed, appraisal, command)
        finally:
            # Until then it stands for the one that is asked for, so that a stop waits for that.
            if failed.settled and self.pipeline.inflight.get(flow) is failed:
                del self.pipeline.inflight[flow]
        if denial is not None:
            flow.response = refuse(flow, denial)
        standby.verdict = "answered" if flow.response is not None else "again"

    async def _next(self, flow: http.HTTPFlow, trip: Trip) -> Appraisal | None:
        """Chooses the best way left that can be gone; those that cannot are passed over."""
        tried = trip.choice
        while trip.rest:
            way, *rest = trip.rest
            trip.rest, choice = tuple(rest), way()
            await choice.route.credentials.ready()
            trip.choice = choice
            appraisal = await self.pipeline.appraise(flow, trip)
            if appraisal.refusal is None:
                return appraisal
            why = appraisal.refusal.message
            logger.warning("%s cannot stand in: %s", choice.route.id, why)
        trip.choice = tried
        return None

    async def _try(
        self,
        flow: http.HTTPFlow,
        trip: Trip,
        failed: InFlight,
        appraisal: Appraisal,
        command: Admit,
    ) -> Denial | None:
        pipeline, answers = self.pipeline, self.pipeline.answers
        booking = failed.end("broken", calls.reached_provider(flow))
        failed.settled = True
        settled = pipeline.parts.books.settle(booking)
        watch.booked(pipeline.parts, failed, booking)
        failed.let_go()
        # Nothing is awaited between the two, which makes them one batch.
        outcome = await pipeline.admission.decide(command)
        await durable(booking.execution_id, settled)
        flow.metadata[EXECUTION] = command.execution_id
        flow.response = None
        if isinstance(outcome, Denial):
            may_be_billed = isinstance(booking, Commit)
            return denials.after_another(outcome) if may_be_billed else outcome
        if isinstance(outcome, Replayed):
            return await answers.replay(flow, outcome.execution_id)
        opened = pipeline.opened(trip, command, outcome, appraisal)
        return pipeline.dispatch(flow, trip, opened)


def _is_over(call: InFlight) -> bool:
    """Whether it has been booked, or is being ended, by somebody else."""
    return call.settled or bool(call.cut)
