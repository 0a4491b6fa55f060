"""Leases: a gateway shows that it lives, and looks after what a dead one left open.

Owns: the beat, and when another gateway is taken for lost: its beat has stood still for a whole
lease by this gateway's own steady clock, so that no two clocks need agree.
Refuses to know: how an execution is recovered (ledger/settlement.py).

A lost gateway is shut out first (fenced), in the log; what it reports later still lands, as an
adjustment. Where a ledger belongs to one home, its lock says at once who is gone.

Who looks must have looked all the while: after a pause of its own, or of the ledger, a gateway
gives everybody a whole lease again. Each beats before it judges, so of two that both slept
neither takes the other for lost; and the log refuses the judgement of one that was shut out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from aex_addon.books import Books
from aex_addon.rounds import Rounds
from ledger.admin_commands import Fence
from ledger.commands import Recover
from ledger.errors import LedgerError
from ledger.outcomes import Done

logger = logging.getLogger("aex.leases")

BEAT_S = 5.0
LEASE_S = 30.0
_PURGE_BEATS = 60


class Watch:
    """Which gateways' beats have stood still for how long. Pure: times are arguments."""

    def __init__(self, own: str, lease_s: float = LEASE_S) -> None:
        self._own = own
        self._lease_s = lease_s
        self._looked = -lease_s
        self._seen: dict[str, tuple[int, float]] = {}

    def lost(self, beats: Mapping[str, int], now_s: float) -> list[str]:
        """The gateways to take for lost now."""
        if now_s - self._looked > self._lease_s / 2:
            self._seen = {}
        self._looked = now_s
        self._seen = {name: seen for name, seen in self._seen.items() if name in beats}
        lost: list[str] = []
        for name, beat in beats.items():
            if name == self._own:
                continue
            seen = self._seen.get(name)
            if seen is None or seen[0] != beat:
                self._seen[name] = (beat, now_s)
            elif now_s - seen[1] >= self._lease_s:
                lost.append(name)
        return lost


class Leases(Rounds):
    """The addon: beats, watches and recovers for as long as the gateway runs."""

    def __init__(
        self,
        books: Books,
        gateway: str,
        policy: str,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("aex beat", BEAT_S)
        self._books = books
        self._steady = steady
        self._gateway = gateway
        self._policy = policy
        self._watch = Watch(gateway)
        self._beat = 0

    async def go_round(self) -> None:
        """One beat and one look at the others; a ledger that is down is asked again later."""
        self._beat += 1
        try:
            if not await self._books.call(lambda store: store.beat(self._gateway, self._beat)):
                logger.critical("another gateway took this one for lost; restart it")
                return
            open_calls = await self._books.call(lambda store: store.open_executions())
            # Who has open calls is watched too if it died before its first beat, or if the one
            # that shut it out died before it settled them.
            beats = dict.fromkeys((owner for _, owner in open_calls), 0)
            beats |= await self._books.call(lambda store: store.beats())
            for gateway in self._watch.lost(beats, self._steady()):
                await self._recover(gateway)
            if self._beat % _PURGE_BEATS == 1:
                await self._books.call(lambda store: store.purge())
        except LedgerError as error:
            logger.warning("a beat was missed: %s", error)

    async def _recover(self, gateway: str) -> None:
        fence = Fence(gateway, f"no sign of life for {LEASE_S:.0f} s", self._gateway)
        # Past the queue, and refused if this gateway has been shut out itself.
        fenced = await self._books.call(lambda store: store.one(fence))
        if not isinstance(fenced, Done):
            logger.critical("gateway %s was not shut out: %s", gateway, fenced)
            return
        logger.warning("gateway %s is taken for lost; its open calls are settled", gateway)
        for execution_id, owner in await self._books.call(lambda store: store.open_executions()):
            if owner == gateway:
                self._books.settle(Recover(execution_id, self._policy))
