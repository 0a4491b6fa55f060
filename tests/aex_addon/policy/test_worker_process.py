"""aex_addon/policy/worker_process.py: one worker, from outside."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from aex_addon.policy.files import PluginFile
from aex_addon.policy.worker_process import Worker, WorkerFailed, start
from tests.aex_addon.policy.plugins import plugin

MEMORY = 512 * 2**20


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    made = await start()
    yield made
    made.kill()
    await made.ended()


async def answers(worker: Worker, context: bytes, count: int, deadline_s: float) -> list[Any]:
    heard: asyncio.Future[list[Any] | WorkerFailed] = asyncio.get_running_loop().create_future()
    worker.ask(context, count, deadline_s, heard.set_result)
    told = await heard
    if isinstance(told, WorkerFailed):
        raise told
    return told


async def ask(worker: Worker, file: PluginFile, deadline_s: float = 20.0) -> object:
    assert await worker.load([file], MEMORY, deadline_s) == [""]
    (told,) = await answers(worker, orjson.dumps({"agent": "a"}), 1, deadline_s)
    return told


async def test_it_has_nothing_of_the_gateways(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable of the gateway, no open file of it and no folder of it is a worker's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    seen = plugin(
        "a.py",
        "fds = [n for n in range(3, 200) if alive(n)]",
        "said = [sorted(os.environ), os.getcwd(), len(fds), os.getpgid(0) == os.getpid()]",
        "return {'decision': 'allow', 'reason': repr(said)}",
    )
    names = ["LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TZ"]
    assert await ask(worker, seen) == {
        "answer": {"decision": "allow", "reason": repr([names, "/", 1, True])}
    }


async def test_a_plugin_may_print(worker: Worker) -> None:
    """What a plugin prints goes nowhere, and disturbs nothing."""
    loud = plugin("a.py", "print('x' * 10**6, flush=True)", "os.write(2, b'x')", "return 1")
    assert await ask(worker, loud) == {"answer": 1}


async def test_each_plugin_gets_the_context_whole(worker: Worker) -> None:
    """What one plugin does to its context is not seen by the next."""
    spoils = plugin("a.py", "context['agent'] = 'b'", "return context.pop('agent')")
    tells = plugin("b.py", "return context['agent']")
    assert await worker.load([spoils, tells], MEMORY, 20.0) == ["", ""]
    told = await answers(worker, orjson.dumps({"agent": "a"}), 2, 20.0)
    assert told == [{"answer": "b"}, {"answer": "a"}]


async def test_a_late_answer_is_none(worker: Worker) -> None:
    """After the deadline the worker is of no use, whatever it would have said."""
    slow = plugin("a.py", "time.sleep(1000)")
    assert await worker.load([slow], MEMORY, 20.0) == [""]
    with pytest.raises(WorkerFailed, match="no answer came within 50 ms"):
        await answers(worker, b"{}", 1, 0.05)
    assert worker.alive
    worker.kill()
    await worker.ended()
    assert not worker.alive


async def test_a_start_that_is_broken_off_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stop may come at any step of it."""
    made: list[Process] = []
    begin = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **options: Any) -> Process:
        made.append(await begin(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    for steps in range(50):
        starting = asyncio.ensure_future(start())
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        try:
            worker = await starting
        except asyncio.CancelledError:
            continue
        worker.kill()
        await worker.ended()
        break
    assert len(made) > 1
    assert all(process.returncode is not None for process in made)


async def test_memory_ends_a_worker_after_its_answer(worker: Worker) -> None:
    """One that ran out of memory says so and is asked nothing more."""
    hungry = plugin("a.py", "bytearray(10 << 30)")
    told = await ask(worker, hungry)
    assert told == {"error": "it needs more memory than memory_mib of [policy]"}
    assert worker.spent
    await worker.ended()


async def test_what_it_started_ends_with_it(worker: Worker) -> None:
    """A process that a plugin got to start all the same dies with the group."""
    if os.geteuid():
        pytest.skip("another user than root may not start one at all")
    # As multiprocessing does it, past every audit event.
    sneaky = plugin(
        "a.py",
        "import multiprocessing.util as util",
        "pid = util.spawnv_passfds(b'/bin/sleep', [b'sleep', b'1000'], [])",
        "return None",
    )
    assert await worker.load([sneaky], MEMORY, 20.0) == [""]
    with pytest.raises(WorkerFailed, match="its worker ended"):
        await answers(worker, b"{}", 1, 20.0)
    worker.kill()
    await worker.ended()
    async with asyncio.timeout(20):
        while _is_there(worker.pid):  # noqa: ASYNC110 - whose child it is now is told, not we
            await asyncio.sleep(0.001)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x =", "SyntaxError: invalid syntax (b.py, line 1)"),
        ("raise SystemExit", "SystemExit:"),
        ("y = 1", "TypeError: it has no function evaluate(context)"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("evaluate = 'x'", "TypeError: it has no function evaluate(context)"),
        ("raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})", "E"),
    ],
)
async def test_what_cannot_be_loaded_says_why(worker: Worker, source: str, said: str) -> None:
    """Each file tells by itself why it cannot be used."""
    fine = plugin("a.py", "return None")
    told = await worker.load([fine, PluginFile("b.py", source, "")], MEMORY, 20.0)
    assert told == ["", said]
