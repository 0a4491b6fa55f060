"""What AEX says on a WebSocket, and how it ends one. (Over real sockets: test_websocket.py.)"""

from __future__ import annotations

import asyncio

import pytest
from mitmproxy.test import tflow

from aex_addon.socket_layer import FAULT, TOO_LARGE, Outbox, open_outbox
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Upstream
from tests.aex_addon.ws import COMPLETED, CREATE, CREATED, Side, accepting, opened


def test_what_was_said_is_kept_in_order() -> None:
    """Each side's messages are in one line, as they were said."""
    outbox = Outbox(10)
    outbox.to_client(b"a")
    outbox.to_provider(b"b")
    outbox.to_client(b"c")
    assert list(outbox.said) == [(True, b"a"), (False, b"b"), (True, b"c")]


def test_what_never_left() -> None:
    """Only what was said to the provider counts, and each message by itself."""
    outbox = Outbox(10)
    outbox.to_client(b"a")
    assert not outbox.holds(b"a")
    outbox.to_provider(b"b")
    assert outbox.holds(b"b")
    assert not outbox.holds(b"c")
    outbox.said.clear()
    assert not outbox.holds(b"b")


def test_the_first_reason_stands() -> None:
    """A connection ends once, for what happened first."""
    outbox = Outbox(10)
    outbox.end(FAULT, "a")
    outbox.end(TOO_LARGE, "b")
    assert outbox.close == (FAULT, "a")


def test_an_outbox_of_a_flow() -> None:
    """It hangs on the flow, and copies of the flow are none of its business."""
    flow = tflow.twebsocketflow()
    outbox = open_outbox(flow, 7)
    assert outbox.size_max == 7
    assert "outbox" not in str(flow.get_state())


async def test_it_ends_after_what_was_said(rig: Rig, provider: Upstream) -> None:
    """Both sides hear the code, the client what was said before."""
    codes: asyncio.Queue[object] = asyncio.Queue()

    async def talk(side: Side) -> None:
        await side.hear()
        await side.say(CREATED)
        codes.put_nowait(await side.hear())

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        assert await client.hear() == CREATED
        (socket,) = rig.pipeline.sockets.values()
        socket.outbox.to_client(b'"bye"')
        socket.outbox.end(4000, "enough")
        # Nothing is said until something happens on the line.
        await client.say(b"\x00")
        assert await client.hear() == "bye"
        assert (await client.hear())["status"] == 400
        assert await client.hear() == 4000
    assert await codes.get() == 4000


@pytest.mark.parametrize("size", [1_000_000, 1_200_000])
async def test_answers_have_the_same_limit(rig: Rig, provider: Upstream, size: int) -> None:
    """A message of the provider that grows beyond it ends the connection; a smaller one passes."""
    large = {**COMPLETED, "padding": "x" * size}

    async def talk(side: Side) -> None:
        await side.hear()
        await side.say(large)
        await side.hear()

    provider.answers.append(accepting(provider, talk))
    async with opened(rig) as client:
        await client.say(CREATE)
        assert await client.hear() == (large if size < 2**20 else TOO_LARGE)
