"""Laws of the runner: without its leave nothing begins, and it knows whether anything did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import registry, run
from aex_addon.tools.capability import Capabilities, Leave
from aex_addon.tools.manifest import read_manifest
from aex_addon.tools.prepare import SandboxUnavailable
from aex_addon.tools.run import Ran
from aex_addon.tools.runner import NotStarted, Order, Progress, Runner
from tests.tool_packages import SUM, pack

KEY = b"k" * 32
RAN = Ran("ok", 0, b"", truncated=False, seconds=0.1)


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tools that were begun; the sandbox itself is another test's."""
    begun: list[str] = []

    async def begin(manifest: Any, *_: Any, on_begin: Callable[[], None], **__: Any) -> Ran:
        begun.append(manifest.name)
        on_begin()
        return RAN

    monkeypatch.setattr(run, "run", begin)
    return begun


class Made:
    """A runner with one installed tool, and orders for it."""

    def __init__(self, folder: Path) -> None:
        packed = pack(folder, "sum", SUM)
        self.store = folder / "store"
        registry.install(self.store, packed.manifest, packed.package, "test")
        self.manifest = read_manifest(packed.manifest)
        self.capabilities = Capabilities(KEY, lambda: 10**18)
        self.runner = Runner(self.capabilities, self.store, (folder,))
        self.leave = Leave("ex_1", "bot", "sum", self.manifest.sha256)

    def order(self, **changes: Any) -> Order:
        capability = self.capabilities.make(self.leave, 10**9)
        return replace(Order(self.leave, capability, self.manifest, b"{}"), **changes)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


async def test_it_begins_once(made: Made, began: list[str]) -> None:
    """The same order again is none."""
    progress = Progress()
    order = made.order()
    assert await made.runner.run(order, progress) == RAN
    assert progress.started
    again = Progress()
    with pytest.raises(NotStarted) as found:
        await made.runner.run(order, again)
    assert found.value.code == "tool_forbidden"
    assert (began, again.started) == (["sum"], False)


@pytest.mark.parametrize(
    "forge",
    [
        lambda made: made.order(capability=""),
        lambda made: made.order(capability=Capabilities(b"", lambda: 10**18).make(made.leave, 9)),
        lambda made: made.order(leave=replace(made.leave, execution_id="ex_2")),
        lambda made: made.order(leave=replace(made.leave, agent="eve")),
        lambda made: made.order(leave=replace(made.leave, sha256="0" * 64)),
        lambda made: made.order(manifest=made.manifest.model_copy(update={"name": "other"})),
        lambda made: made.order(manifest=made.manifest.model_copy(update={"sha256": "0" * 64})),
    ],
)
async def test_no_other_leave_is_one(
    made: Made, began: list[str], forge: Callable[[Made], Order]
) -> None:
    """Forged, or for another execution, agent, package or tool: nothing is begun."""
    with pytest.raises(NotStarted) as found:
        await made.runner.run(forge(made), Progress())
    assert (found.value.code, began) == ("tool_forbidden", [])
    assert await made.runner.run(made.order(), Progress()) == RAN


async def test_the_package_is_looked_at_in_every_run(made: Made, began: list[str]) -> None:
    """Another file in its place is not run; the agent is told what the operator does."""
    (kept,) = made.store.glob("sum/*/main.py")
    kept.chmod(0o600)
    kept.write_text("print('swapped')")
    progress = Progress()
    with pytest.raises(NotStarted, match="aex plugin install") as found:
        await made.runner.run(made.order(), progress)
    assert (found.value.code, began, progress.started) == ("tool_altered", [], False)


async def test_what_the_sandbox_refuses_did_not_begin(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy comes along."""

    async def refuse(*_: Any, **__: Any) -> Ran:
        raise SandboxUnavailable("bubblewrap is not in the PATH; run: aex doctor")

    monkeypatch.setattr(run, "run", refuse)
    progress = Progress()
    with pytest.raises(NotStarted, match="aex doctor") as found:
        await made.runner.run(made.order(), progress)
    assert (found.value.code, progress.started) == ("sandbox_unavailable", False)


@pytest.mark.parametrize("begun", [True, False])
async def test_what_is_cancelled_may_have_begun(
    made: Made, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """Once its sandbox has been told of it; before that, nothing has."""
    at = asyncio.Event()

    async def wait(*_: Any, on_begin: Callable[[], None], **__: Any) -> None:
        if begun:
            on_begin()
        at.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(run, "run", wait)
    progress = Progress()
    task = asyncio.ensure_future(made.runner.run(made.order(), progress))
    await at.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert progress.started == begun
