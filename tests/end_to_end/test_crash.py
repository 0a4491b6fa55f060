"""A gateway that is killed in mid-call loses no settlement, doubles none, and can prove it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import account, query, rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import poll
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM, in_thread, prompt_of
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_crash")

DoorOf = Callable[[Gateway], Door]


@pytest.fixture
def own(new_gateway: Callable[[], Gateway]) -> Gateway:
    """A gateway that may be killed."""
    return new_gateway().start()


def ask(door: Door, agent: Agent, body: object) -> httpx.Response:
    with door.client(agent) as client:
        return client.post(CHAT_PATH, json=body)


def check_books(gateway: Gateway, agent: Agent) -> None:
    """Each execution has at most one end in the reserve book, and the audit passes."""
    sql = "SELECT execution_id, count(*) AS n FROM reservations WHERE entry {} GROUP BY 1"
    taken = query(gateway, sql.format("= 'reserve'"))
    ended = query(gateway, sql.format("<> 'reserve'"))
    assert {row["n"] for row in taken} | {row["n"] for row in ended} <= {1}
    spent = sum(row["actual_nanousd"] for row in rows(gateway, agent))
    assert account(gateway, agent).spent == spent
    assert gateway.audit_passes()


@pytest.mark.parametrize(
    ("body", "hold"), [(CHAT, "headers"), (STREAM, [0]), (STREAM, [3]), (STREAM, [8])]
)
def test_killed_in_mid_call(
    provider: Provider, own: Gateway, door_of: DoorOf, body: Any, hold: Any
) -> None:
    """What was settled stays; what was in flight is charged its reserve and marked uncertain."""
    door, agent = door_of(own), own.create_agent()
    for _ in range(3):
        assert ask(door, agent, CHAT).status_code == 200
    before = settled(own, agent, 3)
    provider.script(hold=hold)
    with in_thread(lambda: ask(door, agent, body)) as answers:
        provider.wait_held()
        own.kill()
    assert isinstance(answers[0], httpx.TransportError)
    assert own.audit_passes()
    own.start()
    after = settled(own, agent, 4)
    assert after[:3] == before
    row = after[3]
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["certainty"] == "uncertain"
    assert row["actual_nanousd"] == row["reserved_nanousd"] > 0
    billed = sum(call.cost() for call in provider.wait(lambda c: not c[-1].held, "released"))
    counters = account(own, agent)
    assert counters.reserved == 0
    assert counters.spent == sum(row["actual_nanousd"] for row in after) >= billed
    check_books(own, agent)


def test_a_second_restart_changes_nothing(
    provider: Provider, own: Gateway, door_of: DoorOf
) -> None:
    """Recovery happens once: another kill and start leave the rows as they are."""
    door, agent = door_of(own), own.create_agent()
    provider.script(hold="headers")
    with in_thread(lambda: ask(door, agent, CHAT)):
        provider.wait_held()
        own.kill()
    own.start()
    first = settled(own, agent, 1)
    own.kill()
    own.start()
    assert settled(own, agent, 1) == first
    provider.script()
    assert ask(door, agent, CHAT).status_code == 200
    assert settled(own, agent, 2)[0] == first[0]
    check_books(own, agent)


@pytest.mark.parametrize("settlements", [1, 9, 25])
def test_killed_under_load(
    provider: Provider, own: Gateway, door_of: DoorOf, settlements: int
) -> None:
    """Killed between any two of many calls, each call of the provider is one execution, paid."""
    door, agent = door_of(own), own.create_agent()
    body = {**STREAM, "messages": prompt_of(20)}

    async def load() -> None:
        async with door.async_client(agent, timeout=10) as client:

            async def calls() -> None:
                try:
                    for _ in range(40):
                        await client.post(CHAT_PATH, json=body)
                except httpx.TransportError:
                    return  # the gateway is gone

            await asyncio.gather(*(calls() for _ in range(8)))

    def committed() -> list[dict[str, Any]]:
        return [row for row in rows(own, agent) if row["state"] == "COMMITTED"]

    with in_thread(lambda: asyncio.run(load())):
        poll(lambda: len(committed()) >= settlements, "settlements")
        before = committed()
        own.kill()
    own.start()
    found = settled(own, agent, len(rows(own, agent)))
    after = {row["execution_id"]: row for row in found}
    assert all(after[row["execution_id"]] == row for row in before)
    calls = provider.calls()
    assert len(calls) <= len(found) <= len(calls) + 8
    assert account(own, agent).spent >= sum(call.cost() for call in calls)
    assert account(own, agent).reserved == 0
    check_books(own, agent)


def test_stop_drains(provider: Provider, own: Gateway, door_of: DoorOf) -> None:
    """SIGTERM lets a call in flight end and settle exactly, and then the gateway leaves."""
    door, agent = door_of(own), own.create_agent()
    provider.script(hold=[2])
    with in_thread(lambda: ask(door, agent, STREAM)) as answers:
        provider.wait_held()
        assert own.child is not None
        own.child.process.terminate()
        provider.release()
    assert answers[0].content.endswith(b"data: [DONE]\n\n")
    assert own.child.stop() == 0
    (row,) = rows(own, agent)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "exact")
    assert row["actual_nanousd"] == provider.calls()[0].cost()
    check_books(own, agent)
