"""One worker from outside: started with nothing of the gateway's, asked, and killed with its group.

Owns: the process, the pair of sockets to it, the limits of a message, the deadline.
Refuses to know: who asks, how many workers there are (pool.py), what an answer means (spoken.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson

from aex_addon.policy.files import PluginFile

MESSAGE_MAX = 1024 * 1024
LOAD_S = 20.0
_HEAD = 4
_DISTURBED = "a plugin disturbed the channel of its worker"

_PROGRAM = Path(__file__).with_name("worker.py")
# Nothing of the gateway's own: no key, no token, no home. Sets have one order in every run.
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class WorkerFailed(Exception):
    """The worker did not answer as it must; it is of no use any more. Says why."""


class Worker(asyncio.Protocol):
    """A worker that stands ready. Asked one thing at a time; once it is `spent`, nothing more."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._tell: Callable[[Any], None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._asked = 0
        self.spent = False

    @property
    def pid(self) -> int:
        """Its process, which leads a group of its own."""
        return self._process.pid

    async def load(self, files: Sequence[PluginFile], memory: int, deadline_s: float) -> list[str]:
        """Loads the plugins; why each cannot be used, "" where it can. Raises WorkerFailed."""
        plugins = [{"name": file.name, "source": file.source} for file in files]
        seconds = {"loading": 2 * LOAD_S, "seconds": 2 * deadline_s + 1}
        hello = {"memory": memory, "plugins": plugins, **seconds}
        heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._exchange(orjson.dumps(hello), LOAD_S, partial(_settle, heard))
        told = await heard
        if isinstance(told, WorkerFailed):
            raise told
        loaded = told.get("loaded") if isinstance(told, dict) else None
        if not isinstance(loaded, list) or len(loaded) != len(files):
            raise WorkerFailed("it did not load the plugins")
        return [str(each) if each else "" for each in loaded]

    def ask(
        self,
        context: bytes,
        count: int,
        deadline_s: float,
        tell: Callable[[list[Any] | WorkerFailed], None],
    ) -> None:
        """Has `tell` hear what each of `count` plugins says, or why none did, after which this
        worker is to be killed. It is called once.

        context: a document as JSON.
        """
        self._asked += 1

        def heard(told: Any) -> None:
            tell(told if isinstance(told, WorkerFailed) else self._answers(told, count))

        self._exchange(struct.pack(">I", self._asked) + context, deadline_s, heard)

    def _answers(self, told: Any, count: int) -> list[Any] | WorkerFailed:
        if not isinstance(told, dict) or told.get("id") != self._asked:
            return WorkerFailed(_DISTURBED)
        answers = told.get("answers")
        if not isinstance(answers, list) or len(answers) != count:
            return WorkerFailed(_DISTURBED)
        self.spent = told.get("last") is not False
        return answers

    async def ended(self) -> None:
        """Returns when the process is gone."""
        await self._process.wait()

    @property
    def alive(self) -> bool:
        """False once it has gone, or hung up."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._process.returncode is None

    def kill(self) -> None:
        """Ends it and all that it started; safe to repeat."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pair of sockets stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """A piece of its answer. More than one answer is none."""
        self._heard += data
        if len(self._heard) < _HEAD:
            return
        whole = _HEAD + int.from_bytes(self._heard[:_HEAD])
        if whole > _HEAD + MESSAGE_MAX or len(self._heard) > whole or self._tell is None:
            self._fail(_DISTURBED)
        elif len(self._heard) == whole:
            message = bytes(self._heard[_HEAD:])
            self._heard.clear()
            try:
                told = orjson.loads(message)
            except orjson.JSONDecodeError:
                self._fail(_DISTURBED)
            else:
                self._told(told)

    def connection_lost(self, _error: Exception | None) -> None:
        """It has gone, or was killed."""
        self._told(WorkerFailed("its worker ended"))

    def _exchange(self, body: bytes, deadline_s: float, tell: Callable[[Any], None]) -> None:
        self._tell = tell
        late = f"no answer came within {round(deadline_s * 1000)} ms"
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(deadline_s, self._fail, late)
        if self._transport is None or self._transport.is_closing():
            loop.call_soon(self._told, WorkerFailed("its worker ended"))
        else:
            self._transport.write(struct.pack(">I", len(body)) + body)

    def _fail(self, why: str) -> None:
        if self._tell is None:
            # Nobody asked it, and nobody will.
            self.kill()
        self._told(WorkerFailed(why))

    def _told(self, told: Any) -> None:
        tell, self._tell = self._tell, None
        if self._late is not None:
            self._late.cancel()
        if tell is not None:
            tell(told)


def _settle(heard: asyncio.Future[Any], told: Any) -> None:
    if not heard.done():
        heard.set_result(told)


async def start() -> Worker:
    """A new worker, not loaded. Raises WorkerFailed."""
    ours, theirs = socket.socketpair()
    worker = None
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-s", "-P", str(_PROGRAM), str(theirs.fileno())),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        worker = made = Worker(process)
        await asyncio.get_running_loop().create_unix_connection(lambda: made, sock=ours)
    except BaseException as error:
        # A stop may come at any step.
        ours.close()
        if worker is not None:
            worker.kill()
            await worker.ended()
        if not isinstance(error, OSError):
            raise
        raise WorkerFailed(f"it cannot be started: {error.strerror}") from error
    return worker
