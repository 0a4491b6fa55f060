"""Looking up a name, once, beside the event loop and with a deadline.

Owns: the threads that ask the system's resolver, which are few and hold up no stop of the gateway.
Refuses to know: which addresses are good.

Nothing is kept: the system has its own cache, and knows how long each answer holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter, deque
from ipaddress import ip_address

from aex_addon.host_names import plain
from ledger.egress_entries import Address

DEADLINE_S = 5.0
_AT_ONCE = 16
# A resolver that never answers holds a thread for longer than anybody waits.
_OF_ONE = 8


class Unresolved(Exception):
    """There is no answer. `late`: it may be that there would have been one."""

    def __init__(self, late: bool) -> None:
        super().__init__(late)
        self.late = late


class Lookup:
    """One of a gateway: calls wait for their turn where many are asked for at once, but everybody
    has one look-up under way whoever else has how many. So there are no more threads than
    `_AT_ONCE` and those who ask, whom the operator has made."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._under_way: Counter[str] = Counter()
        # Turns that are waited for, of each asker in the order of coming.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def __call__(self, name: str, asker: str = "") -> list[Address]:
        """All addresses of a name, in the order of trying them. Raises Unresolved."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._turn(asker)
                found = asyncio.get_running_loop().create_future()
                self._begin(name, found, asker)
                return _addresses(await found)
        except TimeoutError:
            raise Unresolved(late=True) from None
        except (OSError, UnicodeError):
            raise Unresolved(late=False) from None

    async def _turn(self, asker: str) -> None:
        """Waits until the asker may begin one, which then counts as under way."""
        if asker not in self._waiting and self._may(asker):
            self._under_way[asker] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asker, deque()).append(turn)
        try:
            await turn
        except BaseException:
            if not turn.cancelled():
                # It came at the very moment.
                self._ended(asker)
            raise

    def _may(self, asker: str) -> bool:
        mine = self._under_way[asker]
        return not mine or (mine < _OF_ONE and self._under_way.total() < _AT_ONCE)

    def _serve(self) -> None:
        for asker, turns in list(self._waiting.items()):
            while turns and (turns[0].done() or self._may(asker)):
                turn = turns.popleft()
                if not turn.done():
                    self._under_way[asker] += 1
                    turn.set_result(None)
            if not turns:
                del self._waiting[asker]

    def _ended(self, asker: str) -> None:
        self._under_way[asker] -= 1
        # No name stays of whoever has none.
        self._under_way += Counter()
        self._serve()

    def _begin(self, name: str, found: asyncio.Future[list[str]], asker: str) -> None:
        asking = threading.Thread(target=self._ask, args=(name, found, asker), daemon=True)
        try:
            asking.start()
        except RuntimeError as error:
            self._ended(asker)
            raise OSError("no thread can be had") from error

    def _ask(self, name: str, found: asyncio.Future[list[str]], asker: str) -> None:
        answer: list[str] | Exception
        try:
            listed = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answer = [str(each[4][0]) for each in listed]
        except (OSError, UnicodeError) as error:
            answer = error
        # The loop may have ended meanwhile, and then nobody waits.
        with contextlib.suppress(RuntimeError):
            found.get_loop().call_soon_threadsafe(self._told, found, asker, answer)

    def _told(
        self, found: asyncio.Future[list[str]], asker: str, answer: list[str] | Exception
    ) -> None:
        self._ended(asker)
        if found.done():
            return
        if isinstance(answer, Exception):
            found.set_exception(answer)
        else:
            found.set_result(answer)


def _addresses(listed: list[str]) -> list[Address]:
    # A zone is of link-local addresses, which nobody may reach.
    found = (plain(ip_address(each.partition("%")[0])) for each in listed)
    return list(dict.fromkeys(found))
