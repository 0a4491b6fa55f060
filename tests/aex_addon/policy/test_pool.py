"""aex_addon/policy/pool.py: whatever a plugin does, its call is denied and the others are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest

from aex_addon.policy import pool as pools
from aex_addon.policy.files import PluginFile, PolicyError
from aex_addon.policy.pool import Busy, Pool, Unavailable
from aex_addon.policy.spoken import finding
from aex_addon.policy.worker_process import Worker
from aex_addon.settings_rules import PolicySettings
from tests.aex_addon.policy.calls import CALL
from tests.aex_addon.policy.plugins import WRONGS, by_agent, plugin

SLEEP = "time.sleep(1000)"


@asynccontextmanager
async def begun(*files: PluginFile, **settings: int) -> AsyncIterator[Pool]:
    """Workers with these plugins; the deadline is far off, unless a test is about it."""
    given = PolicySettings.model_validate({"deadline_ms": 20_000, **settings})
    made = Pool(files, given)
    await made.begin()
    try:
        yield made
    finally:
        await made.stop()


async def ask(pool: Pool, agent: str = "other") -> str:
    """What comes of a call of this agent, in words."""
    try:
        (told,) = await pool.ask(agent, orjson.dumps({"agent": agent}))
    except Unavailable as error:
        return str(error)
    except Busy:
        return "busy"
    found = finding("a.py", told, CALL, shadow=False)
    return found.decision if found.decision != "deny" else found.reason


def held(pool: Pool) -> int:
    return sum(pool._held.values())


async def until(true: Callable[[], bool]) -> None:
    """Returns once it is true; nobody tells."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)


async def test_every_wrong_denies_its_own_call_alone() -> None:
    """Each thing that a plugin can do wrong ends in a reason, and the next call is answered."""
    late = [wrong for wrong, said in WRONGS.items() if said.startswith("no answer")]
    quick = [wrong for wrong in WRONGS if wrong not in late]
    for wrongs, deadline in ((quick, 20_000), (late, 150)):
        async with begun(by_agent(*wrongs), deadline_ms=deadline) as pool:
            for number, wrong in enumerate(wrongs):
                await until(lambda: len(pool._idle) == 3)
                assert WRONGS[wrong] in await ask(pool, str(number)), wrong
                await until(lambda: len(pool._idle) == 3)
                # With so short a deadline a machine that is busy may be late for its own reasons.
                assert deadline == 150 or await ask(pool) == "allow"


async def test_others_do_not_wait_for_one_that_sleeps() -> None:
    """While a call sleeps in a plugin, those of other agents and of its own complete."""
    async with begun(by_agent(SLEEP)) as pool:
        sleeping = asyncio.ensure_future(ask(pool, "0"))
        await until(lambda: held(pool) == 1)
        many = await asyncio.gather(*(ask(pool, f"a{n}") for n in range(20)))
        assert many == ["allow"] * 20
        assert not sleeping.done()
        await pool.stop()
        assert await sleeping == "its worker ended"


async def test_no_agent_takes_all_workers() -> None:
    """An agent whose calls all sleep leaves a worker to the others, and waits for itself."""
    async with begun(by_agent(SLEEP), workers=3) as pool:
        sleeping = [asyncio.ensure_future(ask(pool, "0")) for _ in range(5)]
        await until(lambda: len(pool._waiting) == 3)
        assert held(pool) == 2
        assert [await ask(pool) for _ in range(3)] == ["allow"] * 3
        assert not any(each.done() for each in sleeping)
        for each in sleeping:
            each.cancel()


async def test_the_last_free_worker_is_left_to_those_who_have_none() -> None:
    """An agent that is asked about already takes no worker that would leave none."""
    async with begun(by_agent(SLEEP, SLEEP), workers=3) as pool:
        sleeping = [asyncio.ensure_future(ask(pool, agent)) for agent in "010"]
        await until(lambda: len(pool._waiting) == 1)
        assert [await ask(pool) for _ in range(3)] == ["allow"] * 3
        for each in sleeping:
            each.cancel()


async def test_slow_agents_together_leave_a_worker_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once their calls were slow, several agents hold no more than one may hold alone."""
    monkeypatch.setattr(pools, "SLOW_S", 1000.0)
    async with begun(by_agent(SLEEP, SLEEP, "pass"), workers=3) as pool:
        await until(lambda: len(pool._idle) == 3)
        pool._deadline_s = 0.05
        late = await asyncio.gather(*(ask(pool, agent) for agent in "01"))
        assert late == ["no answer came within 50 ms"] * 2
        pool._deadline_s = 20.0
        await until(lambda: len(pool._idle) == 3)
        sleeping = [asyncio.ensure_future(ask(pool, agent)) for agent in "0011"]
        await until(lambda: len(pool._waiting) == 2)
        assert held(pool) == 2
        assert [await ask(pool, "2") for _ in range(3)] == ["allow"] * 3
        for each in sleeping:
            each.cancel()


async def test_answers_that_come_together_are_told_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of several calls under way wait for each other, until none is under way any more."""
    monkeypatch.setattr(pools, "TOGETHER_S", 1000.0)
    async with begun(by_agent(SLEEP), workers=3) as pool:
        sleeping = asyncio.ensure_future(ask(pool, "0"))
        await until(lambda: held(pool) == 1)
        asking = [asyncio.ensure_future(ask(pool, agent)) for agent in ("a", "b")]
        await until(lambda: len(pool._answers) == 2)
        assert not any(each.done() for each in asking)
        for worker in pool._workers - set(pool._idle):
            worker.kill()
        assert await sleeping == "its worker ended"
        assert [await each for each in asking] == ["allow"] * 2


async def test_nobody_waits_long_for_the_answers_of_others() -> None:
    """While one call sleeps, the others' answers come all the same."""
    async with begun(by_agent(SLEEP), workers=2) as pool:
        sleeping = asyncio.ensure_future(ask(pool, "0"))
        await until(lambda: held(pool) == 1)
        assert await ask(pool) == "allow"
        assert not sleeping.done()
        sleeping.cancel()


async def test_whoever_waits_too_long_is_told() -> None:
    """A call for which no worker becomes free in time ends as one that may be tried again."""
    async with begun(by_agent(SLEEP), workers=1) as pool:
        sleeping = asyncio.ensure_future(ask(pool, "0"))
        await until(lambda: held(pool) == 1)
        pool._deadline_s = 0.05
        assert await ask(pool, "1") == "busy"
        assert not pool._waiting
        sleeping.cancel()


async def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One agent does not fill all of it, those with most make room for those with less, and where
    all have as much, whoever comes is refused at once."""
    monkeypatch.setattr(pools, "WAITING_MAX", 6)
    async with begun(by_agent(SLEEP), workers=1) as pool:
        waiting = [asyncio.ensure_future(ask(pool, "0")) for _ in range(4)]
        await until(lambda: len(pool._waiting) == 3)
        assert await ask(pool, "0") == "busy"
        waiting += [asyncio.ensure_future(ask(pool, f"a{n}")) for n in range(3)]
        await until(lambda: len(pool._waiting) == 6)
        waiting += [asyncio.ensure_future(ask(pool, agent)) for agent in ("b0", "b1")]
        assert [await each for each in (waiting[3], waiting[2])] == ["busy"] * 2
        assert [each.agent for each in pool._waiting] == ["0", "a0", "a1", "a2", "b0", "b1"]
        assert await ask(pool, "another") == "busy"
        assert await ask(pool, "0") == "busy"
        assert len(pool._waiting) == 6
        for each in waiting:
            each.cancel()


async def test_who_breaks_workers_again_and_again_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An agent whose calls broke two workers in a row is refused without one, others are not."""
    monkeypatch.setattr(pools, "_FIRST_S", 1000.0)
    async with begun(by_agent("os._exit(0)", SLEEP)) as pool:
        assert await ask(pool, "0") == "its worker ended"
        assert await ask(pool, "0") == "its worker ended"
        assert "broke the workers" in await ask(pool, "0")
        assert await ask(pool) == "allow"


async def test_a_client_that_goes_leaves_no_plugin_half_way() -> None:
    """Whoever waits may be cancelled; the worker is asked to the end and is of use after that."""
    slow = plugin("a.py", "time.sleep(0.1)", "return {'decision': 'allow'}")
    async with begun(slow, workers=1) as pool:
        asking = asyncio.ensure_future(ask(pool))
        await until(lambda: held(pool) == 1)
        pid = next(iter(pool._workers)).pid
        asking.cancel()
        assert await ask(pool) == "allow"
        assert [worker.pid for worker in pool._workers] == [pid]


async def test_a_client_that_goes_while_it_waits_is_not_asked_about() -> None:
    """Its place in the queue is free at once."""
    async with begun(by_agent(SLEEP), workers=1) as pool:
        sleeping = asyncio.ensure_future(ask(pool, "0"))
        await until(lambda: held(pool) == 1)
        waiting = asyncio.ensure_future(ask(pool, "1"))
        await until(lambda: len(pool._waiting) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not pool._waiting
        sleeping.cancel()


async def test_a_worker_that_ends_idle_is_started_anew() -> None:
    """Whatever ends a worker, another takes its place."""
    async with begun(by_agent(), workers=1) as pool:
        (worker,) = pool._workers
        worker.kill()
        await worker.ended()
        assert await ask(pool) == "allow"
        assert worker not in pool._workers


async def test_a_stop_waits_for_a_worker_that_could_not_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No process is left that nobody waits for, whatever was going on when the end came."""
    made: list[Worker] = []
    begin = pools.start

    async def noted() -> Worker:
        made.append(await begin())
        return made[-1]

    monkeypatch.setattr(pools, "start", noted)
    for turns in range(5):
        made.clear()
        async with begun(by_agent(), workers=2):
            await until(lambda: len(made) == 2)
            made[1].kill()
            for _ in range(turns):
                await asyncio.sleep(0)
        assert all(worker._process.returncode is not None for worker in made)


async def test_a_generation_retires_when_it_is_quiet() -> None:
    """Calls under way end as they began; then no process is left."""
    slow = plugin("a.py", "time.sleep(0.1)", "return {'decision': 'allow'}")
    async with begun(slow, workers=1) as pool:
        asking = [asyncio.ensure_future(ask(pool, f"a{n}")) for n in range(3)]
        await until(lambda: held(pool) == 1)
        await pool.retire()
        assert [await each for each in asking] == ["allow"] * 3
        assert not pool._workers


async def test_what_is_too_long_is_not_sent() -> None:
    """A context that no message may be as long as is refused, and costs no worker."""
    async with begun(by_agent()) as pool:
        with pytest.raises(Unavailable, match="bytes to say"):
            await pool.ask("a", b"x" * 2**21)
        assert held(pool) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x =", "policies/b.py cannot be loaded: SyntaxError"),
        ("import os; os._exit(0)", "the plugins cannot be loaded: its worker ended"),
    ],
)
async def test_what_cannot_be_loaded_is_told(source: str, said: str) -> None:
    """A generation that cannot begin says why, and leaves no process."""
    made = Pool([by_agent(), PluginFile("b.py", source, "")], PolicySettings())
    with pytest.raises(PolicyError, match=said):
        await made.begin()
    assert not made._workers
