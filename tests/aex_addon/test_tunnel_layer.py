"""A tunnel tries its addresses in turn, and holds its first bytes until they say whom they mean.

(Over real sockets: test_egress.py.)
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from mitmproxy.connection import ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.test import tflow

from aex_addon.first_words import LONGEST, Unfinished
from aex_addon.tunnel_layer import TunnelLayer

FIRST, SECOND = ("203.0.113.1", 443), ("203.0.113.2", 443)


def made(addresses: Sequence[tuple[str, int]] = (FIRST, SECOND), bad: bool = False) -> TunnelLayer:
    """One whose first bytes mean somebody once five are there."""
    client = tflow.tclient_conn()
    client.state = ConnectionState.OPEN
    context = Context(client, Options())
    context.server.address = ("foreign.example", 443)

    def strays(said: bytes) -> bool:
        if len(said) < 5 or said.startswith(b"more"):
            raise Unfinished
        return bad

    return TunnelLayer(context, addresses, strays)


def said(tunnel: TunnelLayer, *events_: events.Event) -> list[commands.Command]:
    return [command for event in events_ for command in tunnel.handle_event(event)]


def data(tunnel: TunnelLayer, sent: bytes) -> events.DataReceived:
    return events.DataReceived(tunnel.context.client, sent)


def opened(bad: bool = False) -> TunnelLayer:
    tunnel = made((FIRST,), bad)
    (dial,) = said(tunnel, events.Start())
    assert isinstance(dial, commands.OpenConnection)
    tunnel.context.server.state = ConnectionState.OPEN
    assert said(tunnel, events.OpenConnectionCompleted(dial, None)) == []
    return tunnel


def test_addresses_in_turn() -> None:
    """Each is dialled as a connection of its own; after the last the client is let go."""
    tunnel = made()
    dialled = []
    (command,) = said(tunnel, events.Start())
    while isinstance(command, commands.OpenConnection):
        dialled.append((command.connection.address, command.connection.id))
        (command,) = said(tunnel, events.OpenConnectionCompleted(command, "refused"))
    assert [address for address, _ in dialled] == [FIRST, SECOND]
    assert len({each for _, each in dialled}) == 2
    assert isinstance(command, commands.CloseConnection)
    assert command.connection is tunnel.context.client
    assert said(tunnel, data(tunnel, b"hello")) == []


def test_a_tunnel_to_nowhere() -> None:
    """Without an address nothing is dialled."""
    (command,) = said(made(()), events.Start())
    assert isinstance(command, commands.CloseConnection)


def test_bytes_pass_once_they_are_understood() -> None:
    """However they are cut; answers pass meanwhile, and later bytes as they come."""
    tunnel = opened()
    assert said(tunnel, data(tunnel, b"he")) == []
    (answer,) = said(tunnel, events.DataReceived(tunnel.context.server, b"220"))
    assert isinstance(answer, commands.SendData)
    assert answer.connection is tunnel.context.client
    (first,) = said(tunnel, data(tunnel, b"llo"))
    assert isinstance(first, commands.SendData)
    assert (first.connection, first.data) == (tunnel.context.server, b"hello")
    (second,) = said(tunnel, data(tunnel, b"x"))
    assert isinstance(second, commands.SendData)
    assert second.data == b"x"


def test_what_was_held_goes_before_the_end() -> None:
    """A client that says little and then ends its half is heard."""
    tunnel = opened()
    said(tunnel, data(tunnel, b"he"))
    tunnel.context.client.state = ConnectionState.CAN_WRITE
    sent, end = said(tunnel, events.ConnectionClosed(tunnel.context.client))
    assert isinstance(sent, commands.SendData)
    assert (sent.data, type(end)) == (b"he", commands.CloseTcpConnection)


@pytest.mark.parametrize("words", [b"hello", b"more" + b"x" * LONGEST])
def test_what_means_another_host_is_closed(words: bytes) -> None:
    """On both sides, and so is what never says whom it means; no byte of it has gone on."""
    tunnel = opened(bad=True)
    found = said(tunnel, data(tunnel, words))
    assert [type(command) for command in found] == [commands.CloseConnection] * 2
    assert said(tunnel, data(tunnel, b"more")) == []
