"""Early ends of calls over a WebSocket: an error message of the API's own, then the end."""

from __future__ import annotations

import asyncio

from aex_addon.socket_layer import POLICY
from tests.aex_addon.rig import Rig
from tests.aex_addon.test_early_end import WHY, end
from tests.aex_addon.test_websocket import ended
from tests.aex_addon.wire import Upstream
from tests.aex_addon.ws import CREATE, CREATED, DELTA, Side, accepting, echo, opened

TOO_MUCH = {**DELTA, "delta": "x" * 50_000}


async def test_an_answer_under_way(rig: Rig, provider: Upstream) -> None:
    """Though its provider says nothing more, it ends at once on both sides, and is booked."""
    codes: asyncio.Queue[object] = asyncio.Queue()

    async def talk(side: Side) -> None:
        await side.hear()
        await side.say(CREATED)
        await side.say(DELTA)
        codes.put_nowait(await side.hear())

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        assert [await client.hear(), await client.hear()] == [CREATED, DELTA]
        end(rig)
        error = await client.hear()
        assert (error["type"], error["error"]["code"]) == ("error", WHY.code)
        assert await client.hear() == POLICY
    assert await codes.get() == POLICY
    (row,) = ended(rig)
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")
    assert row.reason == f"ended early: {WHY.message}"
    assert 0 < row.actual_nanousd <= row.reserved_nanousd


async def test_an_answer_without_an_end(rig: Rig, provider: Upstream) -> None:
    """A provider that goes on beyond the cap is left."""
    left = asyncio.Event()

    async def talk(side: Side) -> None:
        await side.hear()
        await side.say(CREATED)
        try:
            while True:
                await side.say(TOO_MUCH)
                await asyncio.sleep(0)
        finally:
            left.set()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        heard = [await client.hear()]
        while not isinstance(heard[-1], int):
            heard.append(await client.hear())
    await left.wait()
    assert heard[-1] == POLICY
    assert "went on beyond what was reserved" in heard[-2]["error"]["message"]
    assert len(heard) < 10
    (row,) = ended(rig)
    assert row.actual_nanousd > row.reserved_nanousd


async def test_a_connection_at_rest(rig: Rig, provider: Upstream) -> None:
    """Where no call is under way there is none to end; the next message asks for itself."""
    provider.answers.append(accepting(provider, echo))
    async with opened(rig) as client:
        await client.say(CREATE)
        assert len([await client.hear() for _ in range(3)]) == 3
        end(rig)
        await client.say(CREATE)
        assert await client.hear() == CREATED
        assert len([await client.hear() for _ in range(2)]) == 2
