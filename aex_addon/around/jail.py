"""A room for a command whose only way out is the gateway: `aex run --jail`.

Owns: what is outside of it: whoever connects inside to the gateway's port is joined with the
gateway; whoever connects to anything else at the ports of the web is noted, and cut off.
Refuses to know: how the room is made (inside.py), what is told of an attempt.

A room of networks only: files, and processes of the same user, can be reached as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aex_addon.around import inside, proc
from aex_addon.around.names import Names
from aex_addon.around.seen import Attempt, Attempts

_CHUNK = 65_536
_MESSAGE_MAX, _DOORS_MAX = 256, 16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Jail:
    """`gateway` is its address outside, which is also where the command finds it; `mark` as in
    proc.family.

    Use it in `with`; `failure` says afterwards why there was no jail, "" if there was one.
    """

    def __init__(
        self,
        gateway: tuple[str, int],
        mark: bytes,
        targets: Callable[[], Mapping[str, str]],
        attempts: Attempts,
    ) -> None:
        self._gateway, self._mark = gateway, mark
        self._targets, self._attempts = targets, attempts
        self._outer, self._inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._inner.set_inheritable(True)
        self._names, self._pid = Names(), 0
        self._thread = threading.Thread(target=self._run, name="aex-jail", daemon=True)
        self.failure = ""

    def command(self, command: Sequence[str]) -> tuple[str, ...]:
        """What to start so that `command` runs inside."""
        words = (str(self._inner.fileno()), str(self._gateway[1]))
        return (sys.executable, "-I", "-S", inside.__file__, *words, "--", *command)

    def __enter__(self) -> Jail:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        # The thread waits for a word, or for the end, of this pair.
        self._inner.close()
        with contextlib.suppress(OSError):
            self._outer.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._outer.close()

    def _run(self) -> None:
        with contextlib.ExitStack() as opened:
            if doors := self._open():
                for _, door in doors:
                    opened.enter_context(door)
                asyncio.run(self._serve(doors))

    def _open(self) -> list[tuple[str, socket.socket]]:
        """What inside.py hands out; nothing where it fails, or ends."""
        while True:
            try:
                text, fds, _, _ = socket.recv_fds(self._outer, _MESSAGE_MAX, _DOORS_MAX)
            except OSError:
                return []
            word, _, rest = text.decode(errors="replace").partition(" ")
            if word == "map":
                self._pid = int(rest)
                self._outer.send(b"mapped" if self._map() else b"no")
            elif word == "doors":
                found = [socket.socket(fileno=fd) for fd in fds]
                return list(zip(rest.split(","), found, strict=True))
            else:
                self.failure = rest if word == "failed" else ""
                return []

    def _map(self) -> bool:
        """Maps every user to itself, which root alone may."""
        if os.geteuid():
            return False
        try:
            for kind in ("uid_map", "gid_map"):
                Path(f"/proc/{self._pid}/{kind}").write_text("0 0 4294967295")
        except OSError:
            return False
        return True

    async def _serve(self, doors: list[tuple[str, socket.socket]]) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        for name, door in doors:
            door.setblocking(False)
            if name == "names":
                loop.add_reader(door, self._name, door)
            else:
                join = self._join if name == "gateway" else self._trap
                await asyncio.start_server(join, sock=door)
        self._outer.send(b"go")
        loop.add_reader(self._outer, over.set)
        await over.wait()
        loop.remove_reader(self._outer)

    def _name(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            question, asker = door.recvfrom(4096)
            if answer := self._names.answer(question):
                door.sendto(answer, asker)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._gateway)
        except OSError:
            writer.transport.abort()
            return
        both = (pump(reader, far_writer), pump(far_reader, writer))
        await asyncio.gather(*both)
        for each in (writer, far_writer):
            each.close()

    async def _trap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        address, port = writer.get_extra_info("sockname")[:2]
        address = address.removeprefix("::ffff:")
        host = self._names.by_address.get(address) or self._targets().get(address, address)
        program = self._program(*writer.get_extra_info("peername")[:2])
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._attempts.add(Attempt(host, address, port, program, blocked=True))
        writer.transport.abort()

    def _program(self, address: str, port: int) -> str:
        """What the process is called that holds the other end."""
        ends = proc.written(address.removeprefix("::ffff:"), port)
        wanted = {each.inode for each in proc.sockets(self._pid) if each.local in ends}
        for pid in (self._pid, *proc.family(self._pid, self._mark)):
            if wanted.intersection(proc.inodes(pid)):
                return proc.name(pid)
        return ""


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on what comes, and its end; breaks the connection off where that fails."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        return
    writer.transport.abort()
