"""Calls end with the right to make them: a token that was revoked, an agent that was stopped.

Owns: asking the ledger, while calls are under way and at no other time, whose are not to go on.
Refuses to know: what stops an agent (ledger/standing.py), how a call is ended (early_end.py).

A look is one question about all calls under way, beside the calls and not in them, so that they
end within a second of what the ledger says.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from aex_addon import denials
from aex_addon.early_end import end_early
from aex_addon.egress import Egress
from aex_addon.inflight import NO_ATTEMPT
from aex_addon.pipeline import Pipeline
from aex_addon.rounds import Rounds
from ledger.errors import LedgerError

logger = logging.getLogger("aex.standing")

LOOK_S = 0.5


class Standing(Rounds):
    """The addon: looks for as long as the gateway runs."""

    def __init__(self, pipeline: Pipeline, egress: Egress) -> None:
        super().__init__("aex standing", LOOK_S)
        self._pipeline = pipeline
        self._egress = egress

    def wanted(self) -> bool:
        """Whether anything is under way."""
        return bool(self._pipeline.inflight or self._egress.tokens)

    async def go_round(self) -> None:
        """Ends the calls and tunnels under way that are not to go on."""
        parts = self._pipeline.parts
        hashes = {call.attempt.token_hash for call in self._pipeline.inflight.values()}
        hashes |= self._egress.tokens
        hashes.discard(NO_ATTEMPT.token_hash)
        try:
            stopped = await parts.books.call(lambda store: store.stopped(hashes))
        except LedgerError as error:
            logger.warning("it could not be told whose calls may go on: %s", error)
            return
        for flow, call in list(self._pipeline.inflight.items()):
            why = stopped.get(call.attempt.token_hash)
            if why is not None:
                named = replace(why, execution_id=call.admitted.execution_id)
                end_early(flow, call, denials.explain(named, parts.settings.denial_status))
        for token in stopped:
            self._egress.cut(token)
