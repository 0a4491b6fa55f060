"""Idempotent calls in a running gateway: waiting for a twin, answering again, keeping answers.

Owns: what happens around the ledger's verdict on an idempotency key.
Refuses to know: the verdict (ledger/admission.py), keys and sealing (idempotency.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from mitmproxy import http

from aex_addon import calls, clock, denials
from aex_addon.books import Books
from aex_addon.idempotency import StoredAnswer, Vault
from aex_addon.inflight import Ending, InFlight
from aex_addon.settings import Settings
from ledger.commands import Admit, Commit, Release
from ledger.outcomes import Outcome, Underway
from providers.wire import Denial, Reply

logger = logging.getLogger("aex.answers")

_JOIN_LOOK_S = 0.25


class Answers:
    """One of a gateway; the pipeline asks it."""

    def __init__(self, settings: Callable[[], Settings], books: Books, vault: Vault) -> None:
        self._settings = settings
        self._books = books
        self._vault = vault
        self._ended: asyncio.Event | None = None

    def one_ended(self) -> None:
        """A call has ended: whoever waits for a twin may look again."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    async def decide(self, command: Admit) -> Outcome:
        """The ledger's outcome; a call whose twin is under way waits for that one to end."""
        deadline = clock.steady_s() + self._settings().idempotency_join_seconds
        while True:
            ended = self._ended = self._ended or asyncio.Event()
            outcome = await self._books.admit(command)
            left = deadline - clock.steady_s()
            if not isinstance(outcome, Underway) or left <= 0:
                return outcome
            # Its twin may run in another gateway, which ends it without a word here.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), min(left, _JOIN_LOOK_S))

    async def replay(self, flow: http.HTTPFlow, execution_id: str) -> Denial | None:
        """Gives the answer that was given before; the ledger is not asked to charge anything."""
        sealed = await self._books.call(lambda store: store.answer(execution_id))
        answer = self._vault.open(execution_id, sealed) if sealed is not None else None
        if answer is None:
            logger.error("the stored answer of %s cannot be opened", execution_id)
            return denials.unavailable("its stored answer cannot be read", execution_id)
        headers = [*answer.headers, ("x-aex-execution-id", execution_id)]
        headers.append(("x-aex-replayed", "true"))
        flow.response = calls.response(Reply(answer.status, tuple(headers), answer.body))
        return None

    def sealed(
        self, inflight: InFlight, command: Commit | Release, ending: Ending
    ) -> Commit | Release:
        """The command, with the answer in it where an idempotency key asks to keep that."""
        recording = inflight.recording
        if recording is None or not isinstance(command, Commit) or ending != "complete":
            return command
        if not recording.whole or not inflight.status:
            return command
        answer = StoredAnswer(inflight.status, recording.headers, bytes(recording.data))
        ttl_ns = self._settings().idempotency_ttl_hours * 3600 * 10**9
        sealed = self._vault.seal(command.execution_id, answer, ttl_ns)
        return replace(command, sealed=sealed)
