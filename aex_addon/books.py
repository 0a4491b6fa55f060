"""The ledger for an event loop: commands go in, each is answered when its batch is durable.

Owns: batching, patience with a busy ledger, and the promise that a settlement is never dropped.
Refuses to know: what the commands mean.

On SQLite a batch runs on the event loop itself (about a quarter of a millisecond, shared by all
calls that wait; a thread would cost more than that in hand-overs); an engine that talks over a
network runs in a thread of its own. No transaction is begun while another process writes: the
loop is never blocked by waiting for a lock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ledger.admin_commands import Command
from ledger.commands import Admit, Release
from ledger.errors import CommitUnknown, LedgerBusy, LedgerError
from ledger.outcomes import Outcome
from ledger.store import Store
from web.observed import Observed

logger = logging.getLogger("aex.books")

BATCH_MAX = 256
ADMISSION_PATIENCE_S = 5.0

# How long a client waits for the end of its call to be durable; it is tried on after that.
SETTLEMENT_PATIENCE_S = 2.0

_RETRY_FIRST_S = 0.002
_RETRY_LAST_S = 0.5


@dataclass(slots=True, eq=False)
class _Waiting:
    command: Command
    future: asyncio.Future[Outcome]
    deadline: float | None


class Books:
    """Commands from many flows, one store. Lives on one event loop."""

    def __init__(
        self, store: Store, loop: asyncio.AbstractEventLoop, observed: Observed | None = None
    ) -> None:
        self._store = store
        self._loop = loop
        self._observed = observed or Observed()
        self._pending: list[_Waiting] = []
        self._scheduled = False
        self._retry_s = _RETRY_FIRST_S
        self._singly = 0
        self._threads = ThreadPoolExecutor(1, "aex-ledger") if store.engine.blocking else None

    @property
    def backlog(self) -> int:
        """Commands not yet durable."""
        return len(self._pending)

    async def admit(self, command: Command, patience_s: float = ADMISSION_PATIENCE_S) -> Outcome:
        """The outcome, once durable. Raises LedgerError if that takes longer than the patience."""
        return await self._submit(command, self._loop.time() + patience_s)

    def settle(self, command: Command) -> asyncio.Future[Outcome]:
        """Never gives up: tried again until it is stored. The future need not be awaited."""
        return self._submit(command, None)

    async def call[R](self, ask: Callable[[Store], R]) -> R:
        """What `ask` gets from the store outside any batch. Raises LedgerError."""
        if self._threads is None:
            return ask(self._store)
        return await self._loop.run_in_executor(self._threads, ask, self._store)

    async def drained(self, timeout_s: float) -> bool:
        """True once everything handed in is durable; False if that takes too long."""
        deadline = self._loop.time() + timeout_s
        while self._pending:
            left = deadline - self._loop.time()
            if left <= 0:
                return False
            waiting = [item.future for item in self._pending if not item.future.done()]
            if waiting:
                await asyncio.wait(waiting, timeout=left)
            else:
                # Nobody waits for these any more, but they are to be stored or undone.
                await asyncio.sleep(min(left, self._retry_s))
        return True

    def close(self) -> None:
        """Ends the thread, if there is one, and the store."""
        if self._threads is not None:
            self._threads.shutdown()
        self._store.close()

    def _submit(self, command: Command, deadline: float | None) -> asyncio.Future[Outcome]:
        item = _Waiting(command, self._loop.create_future(), deadline)
        self._pending.append(item)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return item.future

    def _flush(self) -> None:
        batch = self._pending[: 1 if self._singly else BATCH_MAX]
        commands = [item.command for item in batch]
        began = time.perf_counter()
        if self._threads is not None:
            running = self._loop.run_in_executor(self._threads, self._store.execute, commands)
            running.add_done_callback(lambda done: self._ran(batch, done, began))
            return
        try:
            outcomes = self._store.execute(commands)
        except Exception as error:  # noqa: BLE001 - sorted by kind in _failed
            self._failed(batch, error)
        else:
            self._committed(batch, began)
            self._answer(batch, outcomes)

    def _ran(
        self, batch: list[_Waiting], done: asyncio.Future[list[Outcome]], began: float
    ) -> None:
        error = done.exception()
        if error is None:
            self._committed(batch, began)
            self._answer(batch, done.result())
        elif isinstance(error, Exception):
            self._failed(batch, error)
        else:
            raise error

    def _committed(self, batch: list[_Waiting], began: float) -> None:
        self._observed.batch_size.observe(len(batch))
        self._observed.commit_seconds.observe(time.perf_counter() - began)

    def _answer(self, batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._take(len(batch))
        self._retry_s = _RETRY_FIRST_S
        for item, outcome in zip(batch, outcomes, strict=True):
            if not item.future.done():
                item.future.set_result(outcome)
            elif isinstance(item.command, Admit):
                # Its flow went away while it waited: the hold must not stay.
                self._undo(item.command)
        self._again(0.0)

    def _failed(self, batch: list[_Waiting], error: Exception) -> None:
        if isinstance(error, LedgerError):
            self._expire(error)
            self._again(self._retry_s)
            self._retry_s = min(self._retry_s * 2, _RETRY_LAST_S)
            return
        if len(batch) == 1:
            logger.error("the ledger refused %s", type(batch[0].command).__name__, exc_info=error)
            self._take(1)
            _reject(batch[0], error)
        else:
            # One command of the batch is at fault; alone it shows itself, and the others go on.
            self._singly = len(batch)
        self._again(0.0)

    def _take(self, count: int) -> None:
        del self._pending[:count]
        self._singly = max(self._singly - count, 0)

    def _expire(self, error: LedgerError) -> None:
        now = self._loop.time()
        hopeless = not isinstance(error, LedgerBusy)
        for item in list(self._pending):
            if item.deadline is None:
                continue
            if item.future.done() or hopeless or now >= item.deadline:
                self._pending.remove(item)
                _reject(item, error)
                if isinstance(error, CommitUnknown) and isinstance(item.command, Admit):
                    self._undo(item.command)

    def _undo(self, command: Admit) -> None:
        # The admission may be in the books, but nothing was or will be sent.
        proof = "the admission was abandoned; no byte left"
        self.settle(Release(command.execution_id, 0, proof))

    def _again(self, delay_s: float) -> None:
        self._scheduled = bool(self._pending)
        if self._pending:
            if delay_s:
                self._loop.call_later(delay_s, self._flush)
            else:
                self._loop.call_soon(self._flush)


async def durable(execution_id: str, *settlements: asyncio.Future[Outcome]) -> None:
    """Returns when all are stored, or when a client has waited for that long enough."""
    _, waiting = await asyncio.wait(settlements, timeout=SETTLEMENT_PATIENCE_S)
    if waiting:
        logger.warning("settling %s takes long; it goes on", execution_id)


def _reject(item: _Waiting, error: Exception) -> None:
    if not item.future.done():
        item.future.set_exception(error)
        # A settlement's future may have nobody waiting; its failure was logged above.
        item.future.exception()
