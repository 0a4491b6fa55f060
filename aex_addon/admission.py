"""Asking the ledger whether a call may leave.

Owns: the command that is put to it, and what each of its answers means to a client.
Refuses to know: flows; how the ledger decides (ledger/admission.py).
"""

from __future__ import annotations

import logging
import os

from aex_addon import calls, clock, denials, idempotency
from aex_addon.answers import Answers
from aex_addon.appraisal import Appraisal
from aex_addon.asked import asked
from aex_addon.likeness import Likeness
from aex_addon.parts import Parts
from aex_addon.tokens import mint_execution_id, token_hash
from aex_addon.trip import Trip
from ledger.commands import Admit, Admitted, Denied, Replayed, Underway
from ledger.errors import LedgerError
from providers.wire import Denial

logger = logging.getLogger("aex.admission")


class Admission:
    """One of a gateway; asked once for every call."""

    def __init__(self, parts: Parts, answers: Answers, likeness: Likeness) -> None:
        self._parts = parts
        self._answers = answers
        self._likeness = likeness

    def command(self, trip: Trip, appraisal: Appraisal, retry_of: str = "") -> Admit:
        """The question; what AEX itself refuses is put to the ledger too, to be recorded.

        Whether two requests are the same is told by what the client asked, not by where it goes.
        """
        facts, choice, credential = appraisal.facts, trip.choice, trip.credential
        token, fingerprint = token_hash(credential.token), calls.fingerprint(trip.asked)
        prices, now = trip.configuration.prices, self._parts.now()

        def listed(model: str) -> str:
            return prices.price(choice.call.provider, model, now).model_id

        return Admit(
            execution_id=mint_execution_id(clock.now_ns(), os.urandom(10)),
            token_hash=token,
            claimed_agent=credential.agent,
            gateway=self._parts.gateway,
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
            retry_of=retry_of or self._likeness.earlier(token, fingerprint, clock.now_ns()),
            alias=choice.alias,
            route_tag=choice.route_tag,
        )

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
            return outcome
        if isinstance(outcome, Replayed):
            return outcome
        logger.critical("the ledger refused a call: %s", outcome)
        return denials.unavailable("its ledger refused it", command.execution_id)
