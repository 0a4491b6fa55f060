"""All unfinished requests together take so much room and no more, and each comes to its end."""

from __future__ import annotations

import asyncio
import json

import pytest

from aex_addon import unfinished as unfinished_module
from aex_addon.pressure import Pressure
from aex_addon.unfinished import Unfinished
from tests.aex_addon.http2_client import http2_client
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected

KIB = 2**10
BODY = json.dumps(CHAT).encode().ljust(768 * KIB)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished_module, "UNFINISHED_MAX", 1024 * KIB)


@pytest.mark.usefixtures("small")
def test_beyond_the_limit_the_first_alone_goes_on() -> None:
    """The others wait, until it has ended or the rest is small enough."""
    found: Unfinished[str] = Unfinished()
    found.note("a", 600 * KIB, 1)
    found.note("b", 424 * KIB, 2)
    assert not any(map(found.must_wait, "abc"))
    found.note("c", 1, 3)
    assert [found.must_wait(who) for who in "abcd"] == [False, True, True, False]
    found.note("a", 0, 4)
    assert "a" not in found
    assert not any(map(found.must_wait, "abc"))
    found.note("b", 1024 * KIB, 5)
    assert [found.must_wait(who) for who in "bc"] == [False, True]


def test_who_is_silent() -> None:
    """Whoever has neither sent nor waited for long; one that has ended is not."""
    found: Unfinished[str] = Unfinished()
    for who in "abc":
        found.note(who, 1, 0)
    found.note("b", 1, unfinished_module.SILENT_S)
    found.note("c", 0, 1)
    assert found.silent(unfinished_module.SILENT_S) == []
    assert found.silent(unfinished_module.SILENT_S + 1) == ["a"]


def known(rig: Rig) -> Unfinished[object]:
    (addon,) = [each for each in rig.master.addons.chain if isinstance(each, Pressure)]
    return addon._unfinished


async def begun(rig: Rig, size: int) -> Client:
    """A client that has sent so much of its request."""
    before, client = known(rig)._total, await Client.open(rig.port)
    await client.send(rig.request(body=BODY)[: -len(BODY)] + BODY[:size])
    async with asyncio.timeout(20):
        while known(rig)._total < before + size - 256 * KIB:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
    return client


@pytest.mark.usefixtures("small")
async def test_many_large_requests(rig: Rig, provider: Upstream) -> None:
    """Of more than there is room for none is lost, over either version of HTTP."""
    count, most = 6, 0
    for _ in range(2 * count):
        provider.json()

    async def ask() -> bytes:
        async with connected(rig.port) as client:
            return (await client.call(rig.request(body=BODY))).body

    async def ask_http2() -> bytes:
        async with http2_client(rig) as client:
            stream = await client.head()
            await client.data(stream, BODY, end=True)
            return (await client.answered(stream))[1]

    asking = asyncio.gather(*[ask() for _ in range(count)], *[ask_http2() for _ in range(count)])
    async with asyncio.timeout(20):
        while not asking.done():
            most = max(most, known(rig)._total)
            await asyncio.sleep(0)
    assert await asking == [ANSWER] * 2 * count
    assert most < 1024 * KIB + len(BODY) + 2 * count * 256 * KIB
    assert known(rig)._total == 0
    assert [row.state for row in rig.executions()] == ["COMMITTED"] * 2 * count


@pytest.mark.usefixtures("small")
async def test_nobody_waits_for_one_that_is_silent(
    rig: Rig,
    provider: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is hung up on where others wait for its room; and not before."""
    monkeypatch.setattr(unfinished_module, "SILENT_S", 0.0)
    provider.json()
    first = await begun(rig, 700 * KIB)
    async with connected(rig.port) as second, asyncio.timeout(20):
        assert (await second.call(rig.request(body=BODY))).body == ANSWER
    assert await asyncio.wait_for(first.ended(), 20)
    assert "did not send the rest" in caplog.text
    await first.close()
    assert [row.state for row in rig.executions()] == ["COMMITTED"]


@pytest.mark.usefixtures("small")
async def test_whoever_leaves_takes_no_room(rig: Rig) -> None:
    """However much of a request had come in."""
    client = await begun(rig, 512 * KIB)
    await client.close()
    async with asyncio.timeout(20):
        while known(rig)._total:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
