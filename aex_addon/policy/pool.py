"""The workers of one generation of plugins: who is asked next, who waits, who is started anew.

Owns: so many workers, each of which is asked one thing at a time; a short queue; and that neither a
plugin nor an agent can keep the others waiting: an agent never holds all workers, neither do all
those together that were slow of late, and one whose calls keep breaking workers is refused for a
while without one.
Refuses to know: what plugins say (spoken.py), what a worker is made of (worker_process.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mitmproxy.utils import asyncio_utils

from aex_addon.policy.backoff import Backoff
from aex_addon.policy.files import FOLDER, PluginFile, PolicyError
from aex_addon.policy.slowness import Slowness
from aex_addon.policy.worker_process import MESSAGE_MAX, Worker, WorkerFailed, start
from aex_addon.settings_rules import PolicySettings

logger = logging.getLogger("aex.policy")

WAITING_MAX = 64
_FIRST_S, _LAST_S = 0.1, 5.0
# How long an agent whose call took half its time or more counts as slow.
SLOW_S = 60.0
# Answers that come within this time of each other are told together, so that what they lead to is
# one transaction of the ledger.
TOGETHER_S = 0.001


class Unavailable(Exception):
    """The plugins did not answer; says why."""


class Busy(Exception):
    """No worker was free in time."""


@dataclass(slots=True, eq=False)
class _Question:
    """waits: the end of its patience, as long as it has no worker."""

    agent: str
    context: bytes = field(repr=False)
    answer: asyncio.Future[list[Any]]
    waits: asyncio.TimerHandle | None = None


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
        self._waiting: deque[_Question] = deque()
        self._held: Counter[str] = Counter()
        self._agents = Backoff(_FIRST_S, _LAST_S)
        self._slow = Slowness(SLOW_S)
        self._answers: list[tuple[_Question, list[Any] | WorkerFailed]] = []
        self._telling: asyncio.TimerHandle | None = None
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
        while self._held or self._waiting or self._answers:
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
        loop = asyncio.get_running_loop()
        if self._agents.left(agent, loop.time()):
            raise Unavailable("earlier calls of this agent broke the workers of the policy")
        question = _Question(agent, context, loop.create_future())
        worker = self._idle_for(agent)
        if worker is not None:
            self._give(question, worker)
        else:
            self._wait(question)
        try:
            # A client that goes away leaves no worker in the middle of a plugin.
            return await question.answer
        finally:
            if question.waits is not None:
                self._give_up(question)

    def _give(self, question: _Question, worker: Worker) -> None:
        loop = asyncio.get_running_loop()
        ended = partial(self._ended, question, worker, loop.time())
        worker.ask(question.context, len(self._files), self._deadline_s, ended)

    def _ended(
        self, question: _Question, worker: Worker, began: float, told: list[Any] | WorkerFailed
    ) -> None:
        agent, now = question.agent, asyncio.get_running_loop().time()
        self._held[agent] -= 1
        if not self._held[agent]:
            del self._held[agent]
        failed = isinstance(told, WorkerFailed)
        if failed or now - began > self._deadline_s / 2:
            self._slow.note(agent, now)
        if isinstance(told, WorkerFailed):
            pause = self._agents.failed(agent, now)
            logger.error("%s, at a call of %s; it is refused for %.1f s", told, agent, pause)
        else:
            self._agents.succeeded(agent)
            self._answered.add(worker)
        if failed or worker.spent:
            worker.kill()
        else:
            self._idle.append(worker)
        self._serve()
        self._tell(question, told)

    def _tell(self, question: _Question, told: list[Any] | WorkerFailed) -> None:
        """Tells it at once where it is the only one, else together with those that come now."""
        self._answers.append((question, told))
        if not self._held:
            self._tell_all()
        elif self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(TOGETHER_S, self._tell_all)

    def _tell_all(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        answers, self._answers, self._telling = self._answers, [], None
        for question, told in answers:
            if question.answer.done():
                continue
            if isinstance(told, WorkerFailed):
                question.answer.set_exception(Unavailable(str(told)))
            else:
                question.answer.set_result(told)
        self._quiet.set()

    def _wait(self, question: _Question) -> None:
        waiting = Counter(each.agent for each in self._waiting)
        mine = waiting[question.agent]
        if mine >= WAITING_MAX // 2:
            raise Busy
        if len(self._waiting) >= WAITING_MAX:
            # Whoever has most in the queue makes room for whoever has less.
            most = max(waiting, key=waiting.__getitem__)
            if waiting[most] <= mine + 1:
                raise Busy
            self._give_up(next(each for each in reversed(self._waiting) if each.agent == most))
        loop = asyncio.get_running_loop()
        question.waits = loop.call_later(self._deadline_s, self._give_up, question)
        self._waiting.append(question)

    def _give_up(self, question: _Question) -> None:
        """No worker was free in time, or nobody waits for one any more."""
        self._no_longer_waits(question)
        if not question.answer.done():
            question.answer.set_exception(Busy())
        self._quiet.set()

    def _no_longer_waits(self, question: _Question) -> None:
        self._waiting.remove(question)
        if question.waits is not None:
            question.waits.cancel()
            question.waits = None

    def _idle_for(self, agent: str) -> Worker | None:
        """A worker that is free, and from now on the agent's; None where that has its share."""
        for worker in [worker for worker in self._idle if not worker.alive]:
            self._idle.remove(worker)
            worker.kill()
        if not self._idle or not self._may_take_one(agent):
            return None
        self._held[agent] += 1
        return self._idle.pop()

    def _may_take_one(self, agent: str) -> bool:
        """Whoever holds one leaves the last free one to those who hold none, and all who were slow
        of late leave one to the others."""
        if self._held[agent] and len(self._idle) == 1:
            return False
        now = asyncio.get_running_loop().time()
        if not self._slow.of(agent, now):
            return True
        held = sum(count for each, count in self._held.items() if self._slow.of(each, now))
        return held < max(self._size - 1, 1)

    def _serve(self) -> None:
        """Gives free workers to those who wait, in their order."""
        for question in list(self._waiting) if self._idle else ():
            worker = self._idle_for(question.agent)
            if worker is not None:
                self._no_longer_waits(question)
                self._give(question, worker)
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
            await self._end(worker)
            if not isinstance(error, WorkerFailed):
                raise
            raise PolicyError((f"the plugins cannot be loaded: {error}",)) from error
        problems = [
            f"{FOLDER}/{file.name} cannot be loaded: {why}"
            for file, why in zip(self._files, told, strict=True)
            if why
        ]
        if problems:
            await self._end(worker)
            raise PolicyError(tuple(problems))
        return worker

    async def _end(self, worker: Worker) -> None:
        """It stays known until it is gone: a stop may come in the meantime, and waits for it."""
        worker.kill()
        await worker.ended()
        self._workers.discard(worker)
