"""The process of a sandbox: begun, told what to run, and ended with all that came of it.

Owns: bwrap's process, the first one inside, and knowing that nothing is left of either.
Refuses to know: what the tool says (run.py), what a sandbox is made of.

The first process inside carries all others: when it dies the kernel kills them, however they
detached themselves, and it is not gone before they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from typing import Any

from aex_addon.tools.prepare import Prepared

_READY = b"ready"
_INFO_BYTES_MAX = 4096


class Process:
    """A sandbox from its start to its end."""

    def __init__(self, prepared: Prepared, process: asyncio.subprocess.Process) -> None:
        self._prepared, self._process = prepared, process
        self._first = -1
        self._doors: list[socket.socket] = []
        # Of the first process inside, as the machine counts; 0 until it is known.
        self.pid = 0

    @classmethod
    async def start(cls, prepared: Prepared) -> Process:
        """Starts bwrap: in an empty environment, which its first process inside would show, with
        no descriptor but those that it is handed."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *prepared.words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={},
            cwd="/",
            pass_fds=prepared.passed,
            start_new_session=True,
        )
        prepared.handed.close()
        return cls(prepared, process)

    @property
    def pipes(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader]:
        """Its standard input, output and errors."""
        stdin, stdout, stderr = (getattr(self._process, f"std{n}") for n in ("in", "out", "err"))
        return stdin, stdout, stderr

    async def stands(self) -> bool:
        """Waits for the sandbox; False if it ended before it stood."""
        control = self._prepared.control
        control.setblocking(False)
        await _readable(control.fileno())
        try:
            said, doors, _, _ = socket.recv_fds(control, len(_READY), 1)
        except ConnectionError:
            return False
        self._doors = [socket.socket(fileno=door) for door in doors]
        if said == _READY:
            self._know_first()
        return said == _READY and self._first >= 0

    def doors(self) -> list[socket.socket]:
        """What inside.py handed out, once; whoever takes it closes it."""
        taken, self._doors = self._doors, []
        return taken

    async def tell(self, plan: dict[str, Any]) -> None:
        """Has inside.py become the tool. Whatever goes wrong here ends the sandbox."""
        control = self._prepared.control
        with contextlib.suppress(OSError):
            line = json.dumps(plan).encode() + b"\n"
            await asyncio.get_running_loop().sock_sendall(control, line)
        control.close()

    def kill(self) -> None:
        """Ends everything inside, at once."""
        if self._first < 0:
            self._know_first()
        if self._first >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Waits for the tool's own end; what it exited with, 128 and more if a signal ended it."""
        return await self._process.wait()

    async def gone(self) -> None:
        """Waits until nothing of the sandbox is left, which a tool that ended may have outlived."""
        await self._process.wait()
        if self._first >= 0:
            await _readable(self._first)

    def close(self) -> None:
        """Lets go of what it was watched by; after `gone`."""
        if self._first >= 0:
            os.close(self._first)
            self._first = -1
        for door in self.doors():
            door.close()
        self._prepared.close()

    def _know_first(self) -> None:
        """Takes hold of the first process inside, as soon as bwrap has said which it is."""
        os.set_blocking(self._prepared.info.fileno(), False)
        # Nothing said, or too late to hold: then it is gone, or goes with bwrap.
        with contextlib.suppress(ValueError, TypeError, KeyError, OSError):
            said = json.loads(self._prepared.info.read(_INFO_BYTES_MAX))
            self.pid = int(said["child-pid"])
            self._first = os.pidfd_open(self.pid)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
