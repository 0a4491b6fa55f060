"""Which hosts agents reach beside the providers: the ledger keeps the first time of each day.

Owns: what is told to the ledger and what is only counted. A row for each connection would make
most of a log; so it is one for each agent, host, port and outcome a day, and no more than so many.
Refuses to know: what was decided and why.
"""

from __future__ import annotations

from aex_addon import clock
from aex_addon.books import Books
from ledger.admin_commands import NoteEgress
from ledger.egress import Payer
from web.observed import Observed

OF_AN_AGENT_MAX = 200
_DAY_NS = 86_400 * 10**9
_HOST_MAX = 253
_ALL_OTHERS = ("*", 0, "more")


class Reached:
    """One of a gateway; what it remembers ends with the day."""

    def __init__(self, books: Books, observed: Observed, gateway: str) -> None:
        self._books, self._observed, self._gateway = books, observed, gateway
        self._day = 0
        self._told: dict[str, set[tuple[str, int, str]]] = {}

    def note(self, payer: Payer | None, host: str, port: int, outcome: str) -> None:
        """Once more. outcome: `passed`, or the code of the refusal; payer: None where unknown."""
        agent, account = (payer.agent, payer.account) if payer else ("", "")
        self._observed.egress.add((agent, outcome))
        day = clock.now_ns() // _DAY_NS
        if day != self._day:
            self._day = day
            self._told.clear()
        told = self._told.setdefault(agent, set())
        row = (host[:_HOST_MAX], port, outcome)
        if len(told) >= OF_AN_AGENT_MAX:
            row = _ALL_OTHERS
        if row not in told:
            told.add(row)
            self._books.settle(NoteEgress(agent, account, *row, self._gateway))
