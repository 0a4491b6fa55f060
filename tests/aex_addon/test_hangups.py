"""aex_addon/hangups.py: nothing that was to be closed stays open."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from mitmproxy import ctx
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from aex_addon.hangups import Hangups
from tests.aex_addon.rig import Rig
from tests.aex_addon.test_early_end import EVENT, end, said, streaming
from tests.aex_addon.wire import Upstream, connected


class Writer:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_what_was_left_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of either side, once; a connection that is gone already is none of its business."""
    flow, client, server = tflow.tflow(), Writer(), Writer()
    transports = {
        flow.client_conn: SimpleNamespace(writer=client),
        flow.server_conn: SimpleNamespace(writer=server),
    }
    connections = {flow.client_conn.id: SimpleNamespace(transports=transports)}
    proxyserver = SimpleNamespace(connections=connections)
    master = SimpleNamespace(addons={"proxyserver": proxyserver})
    monkeypatch.setattr(ctx, "master", master, raising=False)
    hangups = Hangups()
    data = ServerConnectionHookData(flow.server_conn, flow.client_conn)
    for _ in range(2):
        hangups.server_disconnected(data)
        assert (server.closed, client.closed) == (True, False)
    hangups.client_disconnected(flow.client_conn)
    assert client.closed
    assert not transports
    connections.clear()
    hangups.client_disconnected(flow.client_conn)


async def test_a_cancellation_that_nobody_looks_for(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider's connection that is closed while its data waits for its turn is closed all the
    same: the provider hears of it."""
    turn, real = asyncio.Event(), ConnectionHandler.server_event

    async def waiting(handler: ConnectionHandler, event: object) -> None:
        if getattr(event, "data", b"").endswith(b"late\r\n"):
            turn.set()
            await asyncio.Event().wait()
        await real(handler, event)  # type: ignore[arg-type]

    monkeypatch.setattr(ConnectionHandler, "server_event", waiting)
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        await answering.piece(b": late")
        await turn.wait()
        end(rig)
        assert said(await client.chunk())["code"] == "agent_not_serving"
        await asyncio.wait_for(answering.closed.wait(), 5)
