"""The workers of one generation of plugins: who is asked next, who waits, who is started anew.

Owns: so many workers, each of which is asked one thing at a time; a short queue; and that neither a
plugin nor an agent can keep the others waiting: an agent never holds all workers, and one whose
calls keep breaking them is refused for a while without one.
Refuses to know: what plugins say (spoken.py), what a worker is made of (worker_process.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mitmproxy.utils import asyncio_utils

from aex_addon.policy.backoff import Backoff
from aex_addon.policy.files import FOLDER, PluginFile, PolicyError
from aex_addon.policy.worker_process import MESSAGE_MAX, Worker, WorkerFailed, start
from aex_addon.settings_rules import PolicySettings

logger = logging.getLogger("aex.policy")

WAITING_MAX = 64
_FIRST_S, _LAST_S = 0.1, 5.0


class Unavailable(Exception):
    """The plugins did not answer; says why."""


class Busy(Exception):
    """No worker was free in time."""


@dataclass(slots=True, eq=False)
class _Waiting:
    agent: str
    worker: asyncio.Future[Worker] = field(repr=False)


class Pool:
    """`begin` before anything is asked; `retire` when another generation has taken over."""

    def __init__(self, files: Sequence[PluginFile], settings: PolicySettings) -> None:
        self._files = tuple(files)
        self._deadline_s = settings.deadline_ms / 1000
        self._memory = settings.memory_mib * 2**20
        self._size = settings.workers
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._answered: set[Worker] = set()
        self._waiting: deque[_Waiting] = deque()
        self._held: Counter[str] = Counter()
        self._agents = Backoff(_FIRST_S, _LAST_S)
        self._tending: list[asyncio.Task[None]] = []
        self._quiet = asyncio.Event()

    async def begin(self) -> None:
        """Starts the workers. Raises PolicyError where a plugin cannot be loaded."""
        first = await self._loaded()
        for worker in (first, *[None] * (self._size - 1)):
            tending = self._tend(worker)
            task = asyncio_utils.create_task(tending, name="policy worker", keep_ref=True)
            self._tending.append(task)

    async def retire(self) -> None:
        """Ends the workers once nobody is asked or waits any more."""
        while self._held or self._waiting:
            self._quiet.clear()
            await self._quiet.wait()
        await self.stop()

    async def stop(self) -> None:
        """Ends the workers now."""
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        for worker in list(self._workers):
            worker.kill()
            await worker.ended()
        self._workers.clear()

    async def ask(self, agent: str, context: bytes) -> list[Any]:
        """What each plugin says of a call of this agent. Raises Unavailable or Busy.

        Takes two deadlines at the most: one to wait for a worker, one for the answer.
        """
        if len(context) > MESSAGE_MAX:
            raise Unavailable(f"what the call asks for takes more than {MESSAGE_MAX} bytes to say")
        if self._agents.left(agent, asyncio.get_running_loop().time()):
            raise Unavailable("earlier calls of this agent broke the workers of the policy")
        asking = self._ask(agent, context)
        task = asyncio_utils.create_task(asking, name="policy", keep_ref=True)
        task.add_done_callback(_is_seen)
        # A client that goes away leaves no worker in the middle of a plugin.
        return await asyncio.shield(task)

    async def _ask(self, agent: str, context: bytes) -> list[Any]:
        worker = self._idle_for(agent) or await self._wait(agent)
        try:
            answers = await worker.ask(context, len(self._files), self._deadline_s)
        except WorkerFailed as error:
            pause = self._agents.failed(agent, asyncio.get_running_loop().time())
            logger.error("%s, at a call of %s; it is refused for %.1f s", error, agent, pause)
            worker.kill()
            raise Unavailable(str(error)) from error
        except BaseException:
            worker.kill()
            raise
        else:
            self._agents.succeeded(agent)
            self._answered.add(worker)
            if worker.spent:
                worker.kill()
            else:
                self._idle.append(worker)
            return answers
        finally:
            self._held[agent] -= 1
            if not self._held[agent]:
                del self._held[agent]
            self._serve()

    async def _wait(self, agent: str) -> Worker:
        mine = sum(waiting.agent == agent for waiting in self._waiting)
        if len(self._waiting) >= WAITING_MAX or mine >= WAITING_MAX // 2:
            raise Busy
        waiting = _Waiting(agent, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        await asyncio.wait((waiting.worker,), timeout=self._deadline_s)
        if waiting.worker.done():
            return waiting.worker.result()
        self._waiting.remove(waiting)
        self._quiet.set()
        raise Busy

    def _idle_for(self, agent: str) -> Worker | None:
        """A worker that is free, and from now on the agent's; none where that holds its share."""
        if self._held[agent] >= max(self._size - 1, 1):
            return None
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                self._held[agent] += 1
                return worker
            worker.kill()
        return None

    def _serve(self) -> None:
        """Gives free workers to those who wait, in their order."""
        for waiting in list(self._waiting):
            worker = self._idle_for(waiting.agent) if self._idle else None
            if worker is not None:
                self._waiting.remove(waiting)
                waiting.worker.set_result(worker)
        self._quiet.set()

    async def _tend(self, worker: Worker | None) -> None:
        """Keeps one worker alive; the pause before a new one grows while none is of any use."""
        slot = Backoff(_FIRST_S, _LAST_S)
        while True:
            pause, now = 0.0, asyncio.get_running_loop().time
            try:
                worker = worker or await self._loaded()
            except PolicyError as error:
                logger.error("a worker of the policy cannot be started: %s", error)
                pause = slot.failed("", now())
            else:
                self._idle.append(worker)
                self._serve()
                await worker.ended()
                worker.kill()
                self._workers.discard(worker)
                if worker in self._answered:
                    slot.succeeded("")
                self._answered.discard(worker)
                pause = slot.failed("", now())
            worker = None
            await asyncio.sleep(pause)

    async def _loaded(self) -> Worker:
        """A new worker with the plugins. Raises PolicyError."""
        try:
            worker = await start()
        except WorkerFailed as error:
            raise PolicyError((f"the plugins cannot be loaded: {error}",)) from error
        self._workers.add(worker)
        try:
            told = await worker.load(self._files, self._memory, self._deadline_s)
        except BaseException as error:
            self._workers.discard(worker)
            worker.kill()
            await worker.ended()
            if not isinstance(error, WorkerFailed):
                raise
            raise PolicyError((f"the plugins cannot be loaded: {error}",)) from error
        problems = [
            f"{FOLDER}/{file.name} cannot be loaded: {why}"
            for file, why in zip(self._files, told, strict=True)
            if why
        ]
        if problems:
            self._workers.discard(worker)
            worker.kill()
            await worker.ended()
            raise PolicyError(tuple(problems))
        return worker


def _is_seen(task: asyncio.Task[list[Any]]) -> None:
    """Where nobody waits for it any more, its failure was logged all the same."""
    if not task.cancelled():
        task.exception()
