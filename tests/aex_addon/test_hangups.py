"""aex_addon/hangups.py: nothing that was to be closed stays open."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from mitmproxy import ctx
from mitmproxy.connection import Server
from mitmproxy.proxy import events
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from aex_addon.hangups import Hangups
from tests.aex_addon.rig import Rig
from tests.aex_addon.test_early_end import EVENT, end, ended, said, streaming
from tests.aex_addon.wire import Upstream, connected


class Writer:
    closed = False

    def close(self) -> None:
        self.closed = True


async def test_what_was_left_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And told of, either side, once; a connection that is gone already is none of its business."""
    flow, client, server = tflow.tflow(), Writer(), Writer()
    told: list[object] = []

    async def server_event(event: events.ConnectionClosed) -> None:
        told.append(event.connection)

    transports = {
        flow.client_conn: SimpleNamespace(writer=client),
        flow.server_conn: SimpleNamespace(writer=server),
    }
    handler = SimpleNamespace(transports=transports, server_event=server_event)
    connections = {flow.client_conn.id: handler}
    proxyserver = SimpleNamespace(connections=connections)
    master = SimpleNamespace(addons={"proxyserver": proxyserver})
    monkeypatch.setattr(ctx, "master", master, raising=False)
    hangups = Hangups()
    data = ServerConnectionHookData(flow.server_conn, flow.client_conn)
    for _ in range(2):
        await hangups.server_disconnected(data)
        assert (server.closed, client.closed) == (True, False)
    await hangups.client_disconnected(flow.client_conn)
    assert client.closed
    assert not transports
    connections.clear()
    await hangups.client_disconnected(flow.client_conn)
    assert told == [flow.server_conn, flow.client_conn]
    assert not flow.server_conn.connected


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


async def test_an_end_that_nobody_hears_of(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that is gone, its task cancelled before anybody was told, is gone all the same:
    the client need not wait for the rest, and the call is booked."""
    lost: list[Server] = []
    real = ConnectionHandler.server_event

    async def cancelled(handler: ConnectionHandler, event: events.Event) -> None:
        if isinstance(event, events.ConnectionClosed) and not lost:
            assert isinstance(event.connection, Server)
            lost.append(event.connection)
            raise asyncio.CancelledError("Error sending data")
        await real(handler, event)

    monkeypatch.setattr(ConnectionHandler, "server_event", cancelled)
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        assert answering.writer is not None
        answering.writer.transport.abort()
        assert await asyncio.wait_for(client.ended(), 5)
        row = await ended(rig, answering)
    assert lost
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")
