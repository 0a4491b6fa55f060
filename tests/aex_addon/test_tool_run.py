"""Laws of a run's booking: what may have begun costs all of it, what has not costs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from aex_addon.appraisal import Appraisal
from aex_addon.denials import unavailable
from aex_addon.tool_run import ToolRun
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.run import Ran
from aex_addon.tools.runner import NotStarted
from ledger.commands import Commit, Release
from ledger.outcomes import Admitted
from providers.wire import Denial, Facts, Reply

MANIFEST = Manifest(name="sum", version="1", entrypoint=("python", "a.py"), sha256="0" * 64)
PAUSED = Denial(423, "agent_not_serving", "Agent 'bot' is not serving calls.", retryable=True)
OK = Ran("ok", 0, b"42\n", truncated=False, seconds=0.2)


def fails(error: Exception) -> Any:
    raise error


async def run(end: Callable[[], Ran] | None, *, started: bool = True) -> ToolRun:
    """One that was admitted at 70 n$, and whose task has ended so; None: is cancelled."""
    facts = Facts("/v1/tools/execute", "metered", model="sum", has_output=False)
    made = ToolRun(Admitted("ex_1", "bot", 70, 0), Appraisal(facts), "tools", manifest=MANIFEST)
    made.progress.started = started

    async def work() -> Ran:
        if end is None:
            await asyncio.Event().wait()
        assert end is not None
        return end()

    made.task = asyncio.ensure_future(work())
    await asyncio.wait({made.task}, timeout=0 if end is None else None)
    return made


async def test_a_run_is_booked_at_what_it_costs() -> None:
    """However it ended; the reason says how."""
    made = await run(lambda: OK)
    assert made.end("complete") == Commit("ex_1", 70, 0, None, "manifest", "exact", "")
    for status in ("failed", "timed_out", "output_exceeded", "killed"):
        ran = Ran(status, None, b"", truncated=True, seconds=1.0, why="it was so")
        made = await run(lambda ran=ran: ran)  # type: ignore[misc]
        command = made.end("complete")
        assert isinstance(command, Commit)
        assert (command.actual_nanousd, command.reason) == (70, f"the tool ended as {status}")


async def test_what_did_not_begin_is_released() -> None:
    """With the proof, and the client is told why."""
    error = NotStarted("tool_altered", "Tool 'sum' was not run: it is another one.")
    made = await run(lambda: fails(error), started=False)
    proof = "the tool did not begin: Tool 'sum' was not run: it is another one."
    assert made.end("broken") == Release("ex_1", 0, proof)
    answer = made.answer()
    assert isinstance(answer, Denial)
    assert (answer.status, answer.code, answer.execution_id) == (503, "tool_altered", "ex_1")


@pytest.mark.parametrize(("started", "booked"), [(True, Commit), (False, Release)])
async def test_a_fault_is_booked_if_it_may_have_begun(started: bool, booked: type) -> None:
    """And the client is told to try again only where nothing has."""
    made = await run(lambda: fails(RuntimeError("x")), started=started)
    assert isinstance(made.end("broken"), booked)
    answer = made.answer()
    assert isinstance(answer, Denial)
    assert (answer.status, answer.retryable) == ((502, False) if started else (503, True))


@pytest.mark.parametrize(("started", "booked"), [(True, Commit), (False, Release)])
async def test_it_is_ended_before_its_end(started: bool, booked: type) -> None:
    """Its task is cancelled, the reason is that of the first who ended it, and is told as that."""
    made = await run(None, started=started)
    assert made.stop(PAUSED)
    assert made.stop(unavailable("the gateway is stopping"))
    assert made.task is not None
    await asyncio.wait({made.task})
    assert made.task.cancelled()
    with pytest.raises(NotStarted):
        made.progress.begin()
    assert made.progress.started == started
    command = made.end("broken")
    assert isinstance(command, booked)
    said = command.reason if isinstance(command, Commit) else command.proof
    assert said.endswith(f"ended early: {PAUSED.message}")
    answer = made.answer()
    assert isinstance(answer, Denial)
    assert (answer.status, answer.execution_id) == (423, "ex_1")
    assert answer.retryable is not started


async def test_an_answer_says_what_came_of_it() -> None:
    """As JSON, and without what the tool said to its operator."""
    ran = Ran("killed", None, b"\xff", truncated=True, seconds=1.0, why="too large", errors="key")
    answer = (await run(lambda: ran)).answer()
    assert isinstance(answer, Reply)
    assert json.loads(answer.body) == {
        "execution_id": "ex_1",
        "tool": "sum",
        "version": "1",
        "status": "killed",
        "exit_code": None,
        "output": "/w==",
        "encoding": "base64",
        "truncated": True,
        "why": "too large",
        "cost_usd": "0.00000007",
    }
