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
from ipaddress import ip_address
from weakref import WeakValueDictionary

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
    """One of a gateway: calls wait for their turn where many are asked for at once, and no asker
    takes the turns of all others."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._room = asyncio.Semaphore(_AT_ONCE)
        # Each as long as somebody holds, or waits for, a part of it.
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, name: str, asker: str = "") -> list[Address]:
        """All addresses of a name, in the order of trying them. Raises Unresolved."""
        share = self._shares.setdefault(asker, asyncio.Semaphore(_OF_ONE))
        try:
            async with asyncio.timeout(self._deadline_s):
                await share.acquire()
                try:
                    await self._room.acquire()
                except BaseException:
                    share.release()
                    raise
                found = asyncio.get_running_loop().create_future()
                self._begin(name, found, share)
                return _addresses(await found)
        except TimeoutError:
            raise Unresolved(late=True) from None
        except (OSError, UnicodeError):
            raise Unresolved(late=False) from None

    def _begin(self, name: str, found: asyncio.Future[list[str]], share: asyncio.Semaphore) -> None:
        asking = threading.Thread(target=self._ask, args=(name, found, share), daemon=True)
        try:
            asking.start()
        except RuntimeError as error:
            self._room.release()
            share.release()
            raise OSError("no thread can be had") from error

    def _ask(self, name: str, found: asyncio.Future[list[str]], share: asyncio.Semaphore) -> None:
        answer: list[str] | Exception
        try:
            listed = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answer = [str(each[4][0]) for each in listed]
        except (OSError, UnicodeError) as error:
            answer = error
        # The loop may have ended meanwhile, and then nobody waits.
        with contextlib.suppress(RuntimeError):
            found.get_loop().call_soon_threadsafe(self._told, found, share, answer)

    def _told(
        self,
        found: asyncio.Future[list[str]],
        share: asyncio.Semaphore,
        answer: list[str] | Exception,
    ) -> None:
        self._room.release()
        share.release()
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
