"""Asking the ledger whether a call may leave.

Owns: the command that is put to it, and what each of its answers means to a client.
Refuses to know: flows; how the ledger decides (ledger/admission.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime

from aex_addon import calls, clock, denials, idempotency
from aex_addon.answers import Answers
from aex_addon.appraisal import Appraisal
from aex_addon.asked import asked
from aex_addon.judgement import Judgement
from aex_addon.likeness import Likeness
from aex_addon.parts import Parts
from aex_addon.routes import Route
from aex_addon.tokens import mint_execution_id, token_hash
from aex_addon.trip import Trip
from ledger.commands import Admit
from ledger.errors import LedgerError
from ledger.outcomes import Admitted, Denied, Replayed, Underway
from providers.wire import Call, Denial

logger = logging.getLogger("aex.admission")


def question(
    trip: Trip,
    appraisal: Appraisal,
    gateway: str,
    now: datetime,
    earlier: Callable[[str, str], str] = lambda _token, _fingerprint: "",
) -> Admit:
    """What is asked of the ledger, as yet without the policy's word.

    Whether two requests are the same is told by what the client asked, not by where it goes.
    earlier: the execution that this one looks like another try of, by its token and fingerprint.
    """
    facts, choice, credential = appraisal.facts, trip.choice, trip.credential
    token, fingerprint = token_hash(credential.token), calls.fingerprint(trip.asked)
    prices = trip.configuration.prices

    def listed(model: str) -> str:
        return prices.price(choice.call.provider, model, now).model_id

    return Admit(
        execution_id=mint_execution_id(clock.now_ns(), os.urandom(10)),
        token_hash=token,
        claimed_agent=credential.agent,
        gateway=gateway,
        door=trip.door,
        provider=choice.call.provider,
        model=facts.model or "",
        endpoint=facts.endpoint,
        stream=facts.stream,
        fingerprint=fingerprint,
        quote=appraisal.quote,
        input_tokens_max=appraisal.input_tokens,
        metered=appraisal.metered,
        refusal=appraisal.refusal,
        asked=asked(appraisal, choice, choice.route.credentials.of_agent, listed),
        tokens_max=appraisal.tokens_max,
        # An open connection is no answer that could be given again.
        key_hash="" if facts.kind == "socket" else idempotency.key_hash(trip.asked),
        key_ttl_ns=trip.configuration.settings.idempotency_ttl_hours * 3600 * 10**9,
        retry_of=earlier(token, fingerprint),
        alias=choice.alias,
        route_tag=choice.route_tag,
    )


class Admission:
    """One of a gateway; asked once for every call."""

    def __init__(self, parts: Parts, answers: Answers, likeness: Likeness) -> None:
        self._parts = parts
        self._answers = answers
        self._likeness = likeness
        self._judgement = Judgement(parts)

    async def command(self, trip: Trip, appraisal: Appraisal, retry_of: str = "") -> Admit:
        """The question; what AEX itself or the operator's policy refuses is put to the ledger too,
        to be recorded.
        """

        def earlier(token: str, fingerprint: str) -> str:
            return retry_of or self._likeness.earlier(token, fingerprint, clock.now_ns())

        parts = self._parts
        command = question(trip, appraisal, parts.gateway, parts.now(), earlier)
        return await self.judged(command, trip.choice.call, trip.choice.route)

    async def judged(self, command: Admit, call: Call, route: Route | None = None) -> Admit:
        """The question as the operator's policy leaves it."""
        return await self._judgement.judged(command, call, route)

    def tools_left(self, command: Admit, trip: Trip) -> Callable[[str], bool] | None:
        """Which tools the operator's rules leave to the agent of this call; None: all."""
        return self._judgement.tools_left(command, trip.choice.call, trip.choice.route)

    async def decide(self, command: Admit) -> Admitted | Replayed | Denial:
        """The verdict, once it is durable. Whatever is none is a denial too."""
        try:
            outcome = await self._answers.decide(command)
        except LedgerError as error:
            logger.error("admission failed: %s", error)
            return denials.unavailable("its ledger does not answer", command.execution_id)
        admissions = self._parts.observed.admissions
        if isinstance(outcome, Denied):
            # Its model is whatever a client wrote; what was admitted has a price or a free format.
            admissions.add((outcome.agent or "", command.provider, "", outcome.code))
            self._parts.tracer.denied(command, outcome)
            return denials.explain(outcome, self._parts.settings.denial_status)
        if isinstance(outcome, Underway):
            return denials.underway(outcome.execution_id)
        if isinstance(outcome, Admitted):
            admissions.add((outcome.agent, command.provider, command.model, "admitted"))
            for words in command.judged.shadow if command.judged else ():
                by = words.partition(":")[0]
                self._parts.observed.shadowed.add((outcome.agent, by))
            return outcome
        if isinstance(outcome, Replayed):
            return outcome
        logger.critical("the ledger refused a call: %s", outcome)
        return denials.unavailable("its ledger refused it", command.execution_id)
