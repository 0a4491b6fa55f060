"""A sandbox stands or does not, and is gone when it is said to be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aex_addon.tools import sandbox, walls
from aex_addon.tools.enter import NOBODY
from aex_addon.tools.machine import Machine, find_bwrap, this_machine
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.prepare import prepare
from aex_addon.tools.process import Process
from tests.aex_addon.tools import hostile

pytestmark = pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")


@pytest.fixture
def machine() -> Machine:
    found = find_bwrap()
    assert found
    return this_machine(found)


@contextlib.asynccontextmanager
async def begun(machine: Machine, ours: Manifest, package: Path) -> AsyncIterator[Process]:
    process = await Process.start(prepare(machine, ours, package, (), None))
    _, *readers = process.pipes
    drained = [asyncio.ensure_future(each.read()) for each in readers]
    try:
        yield process
    finally:
        process.kill()
        await process.gone()
        await asyncio.gather(*drained)
        process.pipes[0].close()
        process.close()


def plan(machine: Machine, ours: Manifest) -> dict[str, object]:
    return {
        "command": walls.command(machine, ours),
        "env": {},
        "limits": {},
        "user": NOBODY if machine.root else None,
    }


def namespace(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/pid").readlink()


async def test_it_stands_before_the_tool_is_told(machine: Machine, tmp_path: Path) -> None:
    """Nothing of the tool runs until then, and its first process is known by then."""
    mark = uuid.uuid4().hex
    package, ours, _ = hostile.made("stays", tmp_path, mark)
    async with begun(machine, ours, package) as process:
        assert await process.stands()
        assert namespace(process.pid) != namespace(os.getpid())
        assert hostile.processes(mark) == []
        assert process.doors() == []


async def test_it_ends_with_the_tools_exit_code(machine: Machine, tmp_path: Path) -> None:
    """A signal counts as a shell counts it."""
    package = tmp_path / "main.py"
    for source, code in (("raise SystemExit(7)", 7), ("import os; os.abort()", 134)):
        package.write_text(source)
        ours = hostile.manifest(package)
        async with begun(machine, ours, package) as process:
            assert await process.stands()
            await process.tell(plan(machine, ours))
            found = await process.ended()
            # As its own first process, a program that aborts meets a signal that ends it after all.
            assert found in ((code,) if code == 7 or machine.root else (134, 139))


async def test_killed_before_it_stands(machine: Machine, tmp_path: Path) -> None:
    """Whatever it had come to, nothing is left, and it says that it does not stand."""
    package = tmp_path / "main.py"
    package.write_text("")
    async with begun(machine, hostile.manifest(package), package) as process:
        process.kill()
        await process.gone()
        assert not await process.stands() or process.pid
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid or 2**22 + 1, 0)


async def test_a_bwrap_that_fails(machine: Machine, tmp_path: Path) -> None:
    """It does not stand, and nobody waits for it."""
    package = tmp_path / "main.py"
    package.write_text("")
    (tmp_path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    broken = this_machine(str(tmp_path / "bwrap"))
    async with begun(broken, hostile.manifest(package), package) as process:
        assert not await process.stands()
