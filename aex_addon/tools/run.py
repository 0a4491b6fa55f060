"""One run of a tool in its sandbox: bytes in, bytes out under a cap, and nothing left at the end.

Owns: the deadline, and how a run ended. Refuses to know: agents, budgets, the ledger; how the
sandbox is put together (walls.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mitmproxy.utils.asyncio_utils import create_task

from aex_addon.clock import steady_s
from aex_addon.tools import walls, watch
from aex_addon.tools.door import Door, environment, opened
from aex_addon.tools.enter import NOBODY
from aex_addon.tools.machine import Machine, NotGranted, Python, find_bwrap, seen, this_machine
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.prepare import Prepared, SandboxUnavailable, prepare
from aex_addon.tools.process import Process
from aex_addon.tools.streams import Listener, Streams, feed

Status = Literal["ok", "failed", "timed_out", "output_exceeded", "killed"]

START_S = 30.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended. Only "ok" is an answer; `output` is what came under the cap all the same.

    `failed` ended by itself, with an exit code that is not 0; in all others `why` says what it took
    more of than it may, and there is no exit code: `killed` used more memory or files. `errors` is
    the end of what it wrote to stderr, for the operator alone: no agent is shown it.
    """

    status: Status
    exit_code: int | None
    output: bytes
    truncated: bool
    seconds: float
    why: str = ""
    errors: str = ""


async def run(
    manifest: Manifest,
    package_dir: Path,
    request: bytes,
    *,
    private: Sequence[Path],
    door: Door | None = None,
    on_begin: Callable[[], None] = lambda: None,
    on_output: Listener | None = None,
    python: Python | None = None,
) -> Ran:
    """Runs the tool once, with `request` as its standard input, and awaits its whole end.

    `package_dir` is what `package.checked` gave. `private` is what no tool may ever see, whatever
    its manifest says: AEX_HOME and a ledger that lies outside of it. `door` is for a tool that is
    granted the network, which does not run without. `on_begin` is called on the loop just before
    the tool is told to begin: what ended without it ran nothing. `on_output` is called there with
    each piece of output, within the cap. What either raises ends the tool, and is raised. `python`
    is AEX's own unless told. Cancelling ends the tool, and returns when nothing of it is left.
    Raises SandboxUnavailable, or PackageError if the package is not the manifest's: nothing ran.
    """
    bwrap = find_bwrap()
    if bwrap is None:
        raise SandboxUnavailable("bubblewrap is not in the PATH; run: aex doctor")
    networked = manifest.network == "full"
    if networked and door is None:
        raise SandboxUnavailable(f"{manifest.name} needs the network, and no door leads there")
    stop = asyncio.Event()
    streams = Streams(manifest.output_max_bytes, stop, on_output)
    out = door if networked else None
    one = _Run(this_machine(bwrap, python), manifest, out, on_begin, streams, stop)
    # A task of its own, so that no cancellation leaves anything half ended.
    task = _task(one.whole(package_dir, private, request))
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
            stop.set()
    if cancelled:
        # Looked at, or the loop would complain that nobody did.
        _ = task.cancelled() or task.exception()
        raise asyncio.CancelledError
    return task.result()


def _task[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return create_task(work, name="aex tool", keep_ref=True)


@dataclass(slots=True)
class _Run:
    machine: Machine
    manifest: Manifest
    door: Door | None
    begins: Callable[[], None]
    streams: Streams
    # Set when it must end now: it wrote too much, or nobody wants it any more.
    stop: asyncio.Event
    began: float = field(default_factory=steady_s)

    async def whole(self, package_dir: Path, private: Sequence[Path], request: bytes) -> Ran:
        """From the files of the package to the end of the last process."""
        with contextlib.ExitStack() as held:
            try:
                prepared = await asyncio.to_thread(
                    prepare, self.machine, self.manifest, package_dir, private, self.door
                )
                held.callback(prepared.close)
                process = await Process.start(prepared)
            except NotGranted as error:
                raise SandboxUnavailable(f"{self.manifest.name}: {error}") from None
            except OSError as error:
                reason = error.strerror or error
                raise SandboxUnavailable(f"no sandbox could be started: {reason}") from error
            return await self._in(process, prepared, request)

    async def _in(self, process: Process, prepared: Prepared, request: bytes) -> Ran:
        stdin, stdout, stderr = process.pipes
        feeding = _task(feed(stdin, request))
        readers = [_task(self.streams.read(stdout)), _task(self.streams.read_errors(stderr))]
        status, why = None, ""
        try:
            if stood := await self._stands(process, prepared):
                self.began = steady_s()
                plan = self._plan()
                async with opened(process.doors(), self.door):
                    self.begins()
                    await process.tell(plan)
                    status, why = await self._verdict(process)
        finally:
            process.kill()
            await process.gone()
            feeding.cancel()
            await asyncio.wait({feeding, *readers})
            process.close()
        seconds = steady_s() - self.began
        for reader in readers:
            reader.result()
        errors = self.streams.errors.decode(errors="replace").strip()
        if not stood:
            raise SandboxUnavailable(f"the sandbox does not stand: {errors}; run: aex doctor")
        return self._ran(status, why, await process.ended(), seconds, errors)

    def _ran(self, status: Status | None, why: str, code: int, seconds: float, errors: str) -> Ran:
        streams = self.streams
        if streams.too_much:
            status, why = "output_exceeded", f"it wrote more than {streams.too_much}"
        by_itself: Status = "failed" if code else "ok"
        exit_code = None if status else code
        output = bytes(streams.output)
        return Ran(status or by_itself, exit_code, output, streams.truncated, seconds, why, errors)

    async def _stands(self, process: Process, prepared: Prepared) -> bool:
        """Whether the tool may begin: its sandbox stands and shows what it should, and nobody has
        stopped it meanwhile."""
        standing, stopped = _task(process.stands()), _task(self.stop.wait())
        await asyncio.wait({standing, stopped}, timeout=START_S, return_when="FIRST_COMPLETED")
        stood = standing.done() and standing.result()
        await _dropped((standing, stopped))
        if stood:
            try:
                await asyncio.to_thread(seen, process.pid, prepared.shown)
            except NotGranted as error:
                raise SandboxUnavailable(f"{self.manifest.name}: {error}") from None
        return stood and not self.stop.is_set()

    async def _verdict(self, process: Process) -> tuple[Status | None, str]:
        """Waits for the first thing that ends the run; None if that is the tool itself."""
        ended, stopped = _task(process.ended()), _task(self.stop.wait())
        watched = _task(_watched(process.pid, self.manifest.memory_max_mib))
        ends = (ended, stopped, watched)
        ttl = self.manifest.ttl_seconds
        done, _ = await asyncio.wait(ends, timeout=ttl, return_when="FIRST_COMPLETED")
        why = watched.result() if watched in done else ""
        await _dropped(ends)
        if ended in done:
            return None, ""
        if stopped in done:
            return "killed", "it was stopped"
        return ("killed", why) if why else ("timed_out", f"it took more than {ttl} s")

    def _plan(self) -> dict[str, Any]:
        out = environment(self.door) if self.door else {}
        return {
            "command": walls.command(self.machine, self.manifest),
            "env": {**walls.environment(self.manifest), **out},
            "limits": walls.limits(self.manifest),
            "user": NOBODY if self.machine.root else None,
        }


async def _watched(pid: int, memory_max_mib: int) -> str:
    """Ends when the sandbox holds too much; says what."""
    polite = False
    while True:
        await asyncio.sleep(watch.EVERY_S)
        polite = polite or await asyncio.to_thread(watch.made_polite, pid)
        if why := await asyncio.to_thread(watch.beyond, pid, memory_max_mib):
            return why


async def _dropped(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.wait(set(tasks))
