"""Many calls at once never take more than the budget, at any committed moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.end_to_end.books import Account, account, rows, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import poll
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_concurrency")

NANO = 10**9
CALLS, FIT = 200, 50


def dollars(nanousd: int) -> str:
    return f"{nanousd // NANO}.{nanousd % NANO:09d}"


@contextmanager
def watched(gateway: Gateway, agent: Agent) -> Iterator[list[Account]]:
    """Reads the agent's counters over and over; each reading is one committed state."""
    seen: list[Account] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            now = account(gateway, agent)
            if not seen or seen[-1] != now:
                seen.append(now)
            stop.wait(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def reserve_of(door: Door, body: object) -> int:
    """What one such call reserves."""
    probe = door.gateway.create_agent()
    with door.client(probe) as client:
        assert client.post(CHAT_PATH, json=body).status_code == 200
    return int(settled_one(door.gateway, probe)["reserved_nanousd"])


async def flood(door: Door, agent: Agent, body: object, provider: Provider) -> list[int]:
    """All calls at once; held answers are released when every call is decided."""
    limits = httpx.Limits(max_connections=None)
    async with door.async_client(agent, limits=limits, timeout=100) as client:
        calls = [asyncio.ensure_future(client.post(CHAT_PATH, json=body)) for _ in range(CALLS)]
        deciding = asyncio.to_thread(
            poll, lambda: len(rows(door.gateway, agent)) == CALLS, "every call decided", 90
        )
        try:
            await deciding
        except AssertionError as error:
            # A call that has failed on its way is never decided: its own error says more.
            broken = [call.exception() for call in calls if call.done() and call.exception()]
            raise AssertionError(f"{error}; broken calls: {broken}") from error
        await asyncio.to_thread(provider.wait_held, FIT)
        provider.release()
        return [answer.status_code for answer in await asyncio.gather(*calls)]


def test_exactly_what_fits(provider: Provider, door: Door) -> None:
    """Of 200 calls at once against a budget for 50, 50 are admitted and 150 denied."""
    reserve = reserve_of(door, CHAT)
    agent = door.gateway.create_agent(dollars(FIT * reserve))
    provider.reset()
    provider.script(hold="headers")
    with watched(door.gateway, agent) as seen:
        statuses = asyncio.run(flood(door, agent, CHAT, provider))
        found = settled(door.gateway, agent, CALLS)
    assert sorted(statuses) == [200] * FIT + [402] * (CALLS - FIT)
    calls = provider.calls()
    assert len(calls) == FIT
    assert [row["state"] for row in found].count("COMMITTED") == FIT
    assert all(now.spent + now.reserved <= now.budget for now in seen)
    assert max(now.reserved for now in seen) == agent.budget_nanousd
    end = account(door.gateway, agent)
    assert end == Account(agent.budget_nanousd, sum(call.cost() for call in calls), 0)
    assert door.gateway.audit_passes()


def test_budget_freed_is_budget_again(provider: Provider, door: Door) -> None:
    """With streams that end as others begin, the sum stays within the budget all the while."""
    agent = door.gateway.create_agent(dollars(4 * reserve_of(door, STREAM)))
    provider.reset()

    async def scenario() -> list[int]:
        gate = asyncio.Semaphore(12)
        async with door.async_client(agent) as client:

            async def call() -> int:
                async with gate:
                    return (await client.post(CHAT_PATH, json=STREAM)).status_code

            return await asyncio.gather(*(call() for _ in range(60)))

    with watched(door.gateway, agent) as seen:
        statuses = asyncio.run(scenario())
        settled(door.gateway, agent, 60)
    assert set(statuses) <= {200, 402}
    assert statuses.count(200) == len(provider.calls()) > 4
    assert len(seen) > 4
    assert all(now.spent + now.reserved <= now.budget for now in seen)
    end = account(door.gateway, agent)
    assert (end.spent, end.reserved) == (sum(call.cost() for call in provider.calls()), 0)


def test_agents_do_not_share_budgets(provider: Provider, door: Door) -> None:
    """A poor agent's denials leave a rich agent's calls alone, and its books too."""
    rich, poor = door.gateway.create_agent(), door.gateway.create_agent("0.000001")

    async def scenario() -> list[int]:
        async with door.async_client(rich) as a, door.async_client(poor) as b:
            calls = [client.post(CHAT_PATH, json=CHAT) for _ in range(20) for client in (a, b)]
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    assert asyncio.run(scenario()) == [200, 402] * 20
    assert {row["state"] for row in settled(door.gateway, rich, 20)} == {"COMMITTED"}
    assert {row["state"] for row in settled(door.gateway, poor, 20)} == {"DENIED"}
    assert account(door.gateway, poor).spent == 0
    assert len(provider.calls()) == 20
