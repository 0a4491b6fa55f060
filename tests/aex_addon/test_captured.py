"""A captured connection is held until it is judged. (Over real sockets: test_captures.py.)"""

from __future__ import annotations

import pytest
from mitmproxy.connection import ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.test import tflow

from aex_addon.captured import CapturedLayer, Verdict
from aex_addon.first_words import Unfinished


def made(verdict: Verdict | Exception, port: int = 443) -> CapturedLayer:
    """A layer whose judge says this once five bytes are there."""
    client = tflow.tclient_conn()
    client.state = ConnectionState.OPEN
    context = Context(client, Options())
    context.server.address = ("203.0.113.1", port)

    def judge(_context: Context, said: bytes) -> Verdict:
        if isinstance(verdict, Exception):
            raise verdict
        if 0 < len(said) < 5:
            raise Unfinished
        return verdict

    return CapturedLayer(context, judge)


def said(held: CapturedLayer, *events_: events.Event) -> list[commands.Command]:
    return [command for event in events_ for command in held.handle_event(event)]


def data(held: CapturedLayer, sent: bytes) -> events.DataReceived:
    return events.DataReceived(held.context.client, sent)


def test_nothing_is_dialled_before_it_is_judged() -> None:
    """At a port of HTTP's the client speaks first, and then its bytes go on."""
    held = made("foreign")
    assert said(held, events.Start(), data(held, b"he")) == []
    (dial,) = said(held, data(held, b"llo"))
    assert isinstance(dial, commands.OpenConnection)
    assert dial.connection is held.context.server


@pytest.mark.parametrize("verdict", ["refused", RuntimeError("a fault")])
def test_what_is_not_let_through_is_closed(verdict: Verdict | Exception) -> None:
    """Whether it was refused, or could not be judged; and no later byte of it is heard."""
    held = made(verdict)
    (closed,) = said(held, events.Start(), data(held, b"hello"))
    assert isinstance(closed, commands.CloseConnection)
    assert closed.connection is held.context.client
    assert said(held, data(held, b"more")) == []


def test_a_server_that_may_speak_first() -> None:
    """Elsewhere it is dialled after a moment, and the client's first bytes are held as ever."""
    held = made("foreign", port=22)
    (pause,) = said(held, events.Start())
    assert isinstance(pause, commands.RequestWakeup)
    (dial,) = said(held, events.Wakeup(pause))
    assert isinstance(dial, commands.OpenConnection)
    held.context.server.state = ConnectionState.OPEN
    completed = events.OpenConnectionCompleted(dial, None)
    assert said(held, completed, data(held, b"he")) == []
    greeting = events.DataReceived(held.context.server, b"220")
    (passed,) = said(held, greeting)
    assert isinstance(passed, commands.SendData)
    assert (passed.connection, passed.data) == (held.context.client, b"220")
    (rest,) = said(held, data(held, b"llo"))
    assert isinstance(rest, commands.SendData)
    assert (rest.connection, rest.data) == (held.context.server, b"hello")


def test_a_governed_host_where_a_server_may_speak_first() -> None:
    """It is closed on both sides."""
    held = made("governed", port=8443)
    said(held, events.Start())
    found = said(held, data(held, b"hello"))
    assert {type(command) for command in found} == {commands.CloseConnection}


def test_a_client_that_leaves_early() -> None:
    """Its connection is closed, and nothing else is done."""
    held = made("foreign")
    said(held, events.Start(), data(held, b"he"))
    (closed,) = said(held, events.ConnectionClosed(held.context.client))
    assert isinstance(closed, commands.CloseConnection)
