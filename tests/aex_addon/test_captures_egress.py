"""Captured connections are held to what may be reached, by address and by the name they give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from aex_addon.egress import Egress
from ledger.admin_commands import SetLimits, SetState
from ledger.reached import reached
from tests.aex_addon.names import Names, resolver
from tests.aex_addon.rig import gateway
from tests.aex_addon.strangers import HERE, THERE, Strangers, strangers
from tests.aex_addon.test_captures import KNOWN, MODE, UNKNOWN, Captured
from tests.aex_addon.test_egress import addon
from tests.aex_addon.wire import Upstream

Open = Callable[..., AbstractAsyncContextManager[Captured]]


@pytest.fixture
def opening(tmp_path: Path, provider: Upstream, monkeypatch: pytest.MonkeyPatch) -> Open:
    """A gateway that captures, with this [egress]; HERE may be reached."""

    @asynccontextmanager
    async def make(**egress: Any) -> AsyncIterator[Captured]:
        async with gateway(tmp_path / "home", provider.port):
            """Makes the agent, which must be there before anything is captured for it."""
        more = {
            "capture": {MODE: {"agents": {f"{KNOWN}/32": "bot"}}},
            "egress": {"private": [HERE]} | egress,
        }
        async with gateway(tmp_path / "home", provider.port, **more) as rig:
            servers = rig.master.addons.get("proxyserver").servers
            (own,) = (each for each in servers if each.mode.type_name == "transparent")
            found = Captured(rig, own.listen_addrs[0][1])
            monkeypatch.setattr("mitmproxy.platform.original_addr", lambda _socket: found.goal[0])
            yield found
            for client in found.clients:
                await client.close()

    return make


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return resolver(monkeypatch)


@pytest.fixture
async def both(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Strangers]:
    """A server HERE and one THERE, at a port where clients speak first."""
    async with strangers(HERE, THERE) as found:
        monkeypatch.setattr("aex_addon.captured.CLIENT_FIRST", frozenset((found.port,)))
        yield found


async def ask(
    captured: Captured, goal: str, port: int, host: str = "x", source: str = KNOWN
) -> str:
    """The body that a plain request gets, "" where its connection is closed."""
    captured.goal[0] = (goal, port)
    client = await captured.connect(source, sni=None)
    await client.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    try:
        return (await client.answer()).body.decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


async def test_addresses_of_this_network(opening: Open, both: Strangers) -> None:
    """They are reached where they are listed; AEX's own ports never."""
    async with opening(private=[HERE, "127.0.0.9"]) as captured:
        assert await ask(captured, HERE, both.port) == HERE
        assert await ask(captured, THERE, both.port) == ""
        assert await ask(captured, "169.254.169.254", both.port) == ""
        assert await ask(captured, "127.0.0.9", captured.rig.port) == ""
    assert both.connections == [HERE]


async def test_a_name_that_is_allowed_leads_where_it_leads(
    opening: Open, names: Names, both: Strangers
) -> None:
    """Whatever address the client chose: no other server is reached by naming a good one."""
    names.lead("good.example", [HERE])
    async with opening(default="none", allow=["good.example"]) as captured:
        assert await ask(captured, THERE, both.port, "good.example") == HERE
        assert await ask(captured, HERE, both.port, "good.example") == HERE
        assert await ask(captured, HERE, both.port, "other.example") == ""
        assert await ask(captured, HERE, both.port) == ""
    assert THERE not in both.connections


async def test_an_address_that_is_allowed_is_kept(
    opening: Open, names: Names, both: Strangers
) -> None:
    """Where everything is, or that address is, the client's choice stands, and nobody is asked."""
    names.lead("good.example", [THERE])
    for egress in ({}, {"default": "none", "allow": [HERE]}):
        async with opening(**egress) as captured:
            assert await ask(captured, HERE, both.port, "good.example") == HERE
    assert names.asked == []


async def test_a_name_that_is_denied(opening: Open, both: Strangers) -> None:
    """It is closed before anything is dialled."""
    async with opening(deny=["*.evil.example"]) as captured:
        assert await ask(captured, HERE, both.port, "www.evil.example") == ""
        assert await ask(captured, HERE, both.port, "www.good.example") == HERE
    assert both.connections == [HERE]


async def test_a_name_that_comes_late(
    opening: Open, both: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server may speak first it is connected by then; what is denied is still closed."""
    monkeypatch.setattr("aex_addon.captured.CLIENT_FIRST", frozenset((1,)))
    async with opening(deny=["*.evil.example"]) as captured:
        captured.goal[0] = (HERE, both.port)
        for host in ("good", "evil"):
            client = await captured.connect(sni=None)
            assert await asyncio.wait_for(both.arrived.get(), 20) == HERE
            head = f"GET / HTTP/1.1\r\nhost: www.{host}.example\r\n\r\n".encode()
            if host == "good":
                assert (await client.call(head)).body.decode() == HERE
            else:
                await client.send(head)
                assert await asyncio.wait_for(client.ended(), 20)
    (heard,) = both.heads[HERE]
    assert "www.good.example" in heard


async def test_a_list_of_the_agent_of_a_source(opening: Open, both: Strangers) -> None:
    """It holds for that source alone; whose nobody pays may be refused."""
    async with opening() as captured:
        store = captured.rig.assembly.store
        store.one(SetLimits("bot", "test", caps={"egress_deny": ["*.evil.example"]}))
        assert await ask(captured, HERE, both.port, "x.evil.example") == ""
        assert await ask(captured, HERE, both.port, "x.evil.example", UNKNOWN) == HERE
        assert await captured.rig.assembly.parts.books.drained(5)
        with captured.rig.reader() as reader:
            (own,), (nobody,) = (reached(reader, name, 9) for name in ("bot", ""))
    assert (own.host, own.outcome) == ("x.evil.example", "egress_denied")
    assert (nobody.host, nobody.outcome) == ("x.evil.example", "passed")
    async with opening(anonymous="refuse") as captured:
        assert await ask(captured, HERE, both.port) == HERE
        assert await ask(captured, HERE, both.port, source=UNKNOWN) == ""


@pytest.mark.parametrize(
    ("goal", "stopped", "passes"),
    [
        (("192.168.1.1", 53), False, True),
        (("127.0.0.53", 53), False, True),
        (("192.168.1.1", 123), False, False),
        (("8.8.8.8", 123), False, True),
        (("8.8.8.8", 53), False, True),
        (("192.168.1.1", 53), True, False),
        (("8.8.8.8", 53), True, False),
    ],
)
async def test_datagrams(opening: Open, goal: tuple[str, int], stopped: bool, passes: bool) -> None:
    """Names are asked for wherever the client does, by whoever may ask anything; all else is held
    to the same addresses."""
    async with opening() as captured:
        egress, store = addon(captured.rig, Egress), captured.rig.assembly.store
        if stopped:
            store.one(SetState("bot", "PAUSED", "a loop", "test"))
        client = tflow.tclient_conn()
        client.proxy_mode = ProxyMode.parse(MODE)
        client.peername = (KNOWN, 40_000)
        client.transport_protocol = "udp"
        client.timestamp_end = None
        data = ServerConnectionHookData(Server(address=goal, transport_protocol="udp"), client)
        egress.captured(client, ())
        judging = egress.server_connect(data)
        assert judging is not None
        await judging
        captured.rig.assembly.parts.destinations.server_connect(data)
    assert (data.server.error is None, data.server.address) == (passes, goal)
