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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from aex_addon.policy.files import PluginFile

MESSAGE_MAX = 1024 * 1024
LOAD_S = 20.0

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


class Worker:
    """A worker that stands ready. Asked one thing at a time; once it is `spent`, nothing more."""

    def __init__(
        self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
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
        told = await self._exchange(orjson.dumps(hello), LOAD_S)
        loaded = told.get("loaded") if isinstance(told, dict) else None
        if not isinstance(loaded, list) or len(loaded) != len(files):
            raise WorkerFailed("it did not load the plugins")
        return [str(each) if each else "" for each in loaded]

    async def ask(self, context: bytes, count: int, deadline_s: float) -> list[Any]:
        """What each of `count` plugins says. Raises WorkerFailed, after which it is to be killed.

        context: a document as JSON.
        """
        self._asked += 1
        asked = b'{"id":%d,"context":%b}' % (self._asked, context)
        told = await self._exchange(asked, deadline_s)
        if not isinstance(told, dict) or told.get("id") != self._asked:
            raise WorkerFailed("a plugin disturbed the channel of its worker")
        answers = told.get("answers")
        if not isinstance(answers, list) or len(answers) != count:
            raise WorkerFailed("a plugin disturbed the channel of its worker")
        self.spent = told.get("last") is not False
        return answers

    async def ended(self) -> None:
        """Returns when the process is gone."""
        await self._process.wait()

    @property
    def alive(self) -> bool:
        """False once it has gone, or hung up."""
        return self._process.returncode is None and not self._reader.at_eof()

    def kill(self) -> None:
        """Ends it and all that it started; safe to repeat."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._writer.close()

    async def _exchange(self, body: bytes, deadline_s: float) -> Any:
        try:
            async with asyncio.timeout(deadline_s):
                self._writer.write(struct.pack(">I", len(body)) + body)
                await self._writer.drain()
                (size,) = struct.unpack(">I", await self._reader.readexactly(4))
                if size > MESSAGE_MAX:
                    raise WorkerFailed("a plugin disturbed the channel of its worker")
                return orjson.loads(await self._reader.readexactly(size))
        except TimeoutError:
            said = f"no answer came within {round(deadline_s * 1000)} ms"
            raise WorkerFailed(said) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerFailed("its worker ended") from None
        except orjson.JSONDecodeError:
            raise WorkerFailed("a plugin disturbed the channel of its worker") from None


async def start() -> Worker:
    """A new worker, not loaded. Raises WorkerFailed."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
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
        except OSError as error:
            ours.close()
            raise WorkerFailed(f"it cannot be started: {error.strerror}") from error
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MESSAGE_MAX)
    return Worker(process, reader, writer)
