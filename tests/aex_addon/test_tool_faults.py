"""Whatever fails while a tool is called: nothing runs unpaid, nothing is paid that never began."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import registry
from ledger.admin_commands import SetTool
from ledger.audit import audit
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Answer, connected
from tests.tool_packages import SUM, Beats, Packed, needs_sandbox, pack

pytestmark = needs_sandbox

COST = 2_000_000
BEFORE_ADMISSION = (
    "aex_addon.tool_calls:ToolCalls._agent",
    "aex_addon.tool_asked:read",
    "aex_addon.tool_asked:with_tool",
    "aex_addon.tool_asked:command",
    "aex_addon.judgement:Judgement.judged",
    "aex_addon.books:Books.admit",
)
BEFORE_IT_BEGINS = (
    "aex_addon.tool_calls:way_out",
    "aex_addon.tools.capability:Capabilities.make",
    "aex_addon.tools.capability:Capabilities.take",
    "aex_addon.tools.package:checked",
    "aex_addon.tools.run:this_machine",
    "aex_addon.tools.run:prepare",
    "aex_addon.tools.process:Process.start",
    "aex_addon.tools.process:Process.stands",
    "aex_addon.tools.run:seen",
    "aex_addon.tools.run:opened",
    "aex_addon.tools.walls:command",
)
ONCE_IT_MAY_HAVE = (
    "aex_addon.tools.process:Process.tell",
    "aex_addon.tools.run:_Run._verdict",
    "aex_addon.tools.watch:beyond",
    "aex_addon.tools.streams:Streams._take",
)
AFTER_IT = ("aex_addon.tool_run:ToolRun.answer", "aex_addon.tool_calls:ToolCalls._tell")
# Writes a byte, so that its output is looked at, and goes on until it is ended.
SAYS = "import os\nos.write(1, b'x')\n"


class Fault(Exception):
    """No part of AEX expects it."""


def install(rig: Rig, packed: Packed) -> None:
    home = rig.assembly.home
    command = registry.install(home.tools, packed.manifest, packed.package, "test")
    rig.assembly.store.execute([command, SetTool(packed.name, "enabled", "test")])


async def ask(rig: Rig, tool: str) -> Answer:
    body = json.dumps({"tool": tool, "input": {"numbers": [1]}}).encode()
    async with connected(rig.port) as client:
        return await client.call(rig.request("/v1/tools/execute", body))


def locate(point: str) -> tuple[Any, str]:
    """Whose it is, and its name. Raises where it is gone."""
    module, _, path = point.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    getattr(owner, name)
    return owner, name


def fails(*_: object, **__: object) -> None:
    raise Fault


def sound(rig: Rig) -> bool:
    with rig.reader() as reader:
        return [finding for finding in audit(reader) if not finding.holds] == []


async def test_a_fault_at_every_step(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told that nothing was run, or not to ask again; the run is booked if it may
    have begun, and once; nothing of it is left, and the next ones are run as ever."""
    folder, beats = tmp_path / "made", Beats(tmp_path / "beats")
    folder.mkdir()
    install(rig, pack(folder, "sum", SUM))
    source = SAYS + beats.pack(folder).package.joinpath("main.py").read_text()
    words, granted = str(beats.file), [f"rw:{beats.folder}"]
    install(rig, pack(folder, "says", source, words, allowed_fs=granted))
    paid = 0
    for points, tool, state in (
        (BEFORE_ADMISSION, "says", None),
        (BEFORE_IT_BEGINS, "says", "RELEASED"),
        (ONCE_IT_MAY_HAVE, "says", "COMMITTED"),
        (AFTER_IT, "sum", "COMMITTED"),
    ):
        began = state == "COMMITTED"
        for point in points:
            seen, beaten = len(rig.executions()), beats.count
            with monkeypatch.context() as patch:
                patch.setattr(*locate(point), fails)
                answer = await ask(rig, tool)
            paid += COST * began
            rows = rig.executions()[seen:]
            assert [row.state for row in rows] == ([state] if state else []), point
            assert (answer.status, point) == (502 if began else 503, point)
            assert answer.headers["x-should-retry"] == str(not began).lower(), point
            assert not beats.alive, point
            assert began or beats.count == beaten, point
            assert rig.agent().spent_nanousd == paid, point
        assert (await ask(rig, "sum")).status == 200, points
        paid += COST
    assert sound(rig)
