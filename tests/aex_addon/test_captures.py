"""A captured connection belongs to the agent of its source, and only governed hosts are opened.

The firewall's part, telling the destination that the client chose, is played here; in
tests/end_to_end/test_transparent.py it is real.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from mitmproxy.connection import Client
from mitmproxy.options import Options
from mitmproxy.proxy import layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import taddons, tflow

from aex_addon.captured import CapturedLayer
from aex_addon.captures import Captures
from aex_addon.destinations import Destinations
from aex_addon.doors import Doors
from aex_addon.payers import Payers
from aex_addon.routes import routes
from aex_addon.settings_tables import CaptureSettings
from tests.aex_addon.names import opened
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.test_first_words import hello
from tests.aex_addon.wire import Client as Wire
from tests.aex_addon.wire import Upstream

HOST = "api.openai.com"
MODE = "transparent@127.0.0.2:0"
KNOWN, UNKNOWN = "127.0.0.1", "127.0.0.9"


@dataclass
class Captured:
    """A gateway that captures, and what the firewall would say about the next connection."""

    rig: Rig
    port: int
    goal: list[tuple[str, int]] = field(default_factory=lambda: [("203.0.113.7", 443)])
    clients: list[Wire] = field(default_factory=list)

    async def connect(self, source: str = KNOWN, sni: str | None = HOST) -> Wire:
        """A connection as a client makes it that knows of no proxy; with TLS where sni is given."""
        context = self.rig.trust() if sni else None
        made = asyncio.open_connection(
            "127.0.0.2",
            self.port,
            local_addr=(source, 0),
            ssl=context,
            server_hostname=sni,
        )
        self.clients.append(Wire(*await made))
        return self.clients[-1]

    def call(self, host: str = HOST) -> bytes:
        """A call with a key of the agent's own."""
        return self.rig.request(host=host, authorization="Bearer sk-own")


@pytest.fixture
async def captured(
    tmp_path: Path, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Captured]:
    async with gateway(tmp_path / "home", provider.port) as earlier:
        """Makes the agent, which must be there before anything is captured for it."""
    capture = {MODE: {"agents": {f"{KNOWN}/32": "bot"}}}
    more = {"capture": capture, "egress": {"private": ["127.0.0.0/8", "203.0.113.0/24"]}}
    async with gateway(tmp_path / "home", provider.port, **more) as rig:
        servers = rig.master.addons.get("proxyserver").servers
        (own,) = (each for each in servers if each.mode.type_name == "transparent")
        found = Captured(replace(rig, token=earlier.token), own.listen_addrs[0][1])
        monkeypatch.setattr("mitmproxy.platform.original_addr", lambda _socket: found.goal[0])
        yield found
        for client in found.clients:
            await client.close()


async def test_a_call_is_booked_to_the_agent_of_its_source(
    captured: Captured, provider: Upstream
) -> None:
    """It goes to the configured upstream, whatever address the client chose, with AEX's key."""
    client = await captured.connect()
    for _ in range(2):
        provider.json()
        assert (await client.call(captured.call())).status == 200
    assert [(row.agent, row.door, row.state) for row in captured.rig.executions()] == [
        ("bot", "capture", "COMMITTED")
    ] * 2
    for sent in provider.requests:
        assert b"sk-own" not in sent
        assert b"sk-provider-key" in sent


async def test_a_source_of_nobody_s_is_refused(captured: Captured, provider: Upstream) -> None:
    """It gets a 401 in the provider's shape that names it, and nothing is sent."""
    client = await captured.connect(UNKNOWN)
    answer = await client.call(captured.call())
    assert (answer.status, answer.code) == (401, "token_missing")
    assert UNKNOWN in answer.json["error"]["message"]
    assert provider.requests == captured.rig.executions() == []


async def test_neighbours_are_told_apart(captured: Captured, provider: Upstream) -> None:
    """Sources that take turns each stand for their own agent, or for none."""
    provider.json()
    provider.json()
    known, unknown = await captured.connect(), await captured.connect(UNKNOWN)
    for _ in range(2):
        assert (await known.call(captured.call())).status == 200
        assert (await unknown.call(captured.call())).status == 401


async def test_no_request_can_claim_another_payer(captured: Captured) -> None:
    """What stands in Proxy-Authorization inside the connection says nothing."""
    client = await captured.connect(UNKNOWN)
    header = f"proxy-authorization: {captured.rig.basic}\r\n".encode()
    answer = await client.call(captured.call().replace(b"host:", header + b"host:", 1))
    assert answer.status == 401


async def test_the_host_must_be_that_of_the_connection(
    captured: Captured, provider: Upstream
) -> None:
    """A Host that is not the SNI's leads nowhere."""
    client = await captured.connect()
    for host in ("evil.example", "api.anthropic.com", "203.0.113.7"):
        answer = await client.call(captured.call(host))
        assert (answer.status, answer.code) == (421, "misdirected_request")
    assert provider.requests == []


async def test_plain_http_to_a_governed_host(captured: Captured, provider: Upstream) -> None:
    """Without TLS the Host decides, and the call is governed just so."""
    captured.goal[0] = ("203.0.113.7", 80)
    provider.json()
    client = await captured.connect(sni=None)
    assert (await client.call(captured.call())).status == 200
    assert [row.state for row in captured.rig.executions()] == ["COMMITTED"]


@dataclass
class Foreign:
    """A server that AEX knows nothing of."""

    port: int
    seen: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)


@pytest.fixture
async def foreign() -> AsyncIterator[Foreign]:
    found = Foreign(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            found.seen.put_nowait(data)
            writer.write(b"heard")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await server.wait_closed()


FOREIGN = [
    hello("foreign.example"),
    hello(None),
    b"GET / HTTP/1.1\r\nhost: foreign.example\r\n\r\n",
    b"\x00\x01\x02 anything",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    b"hi",
]


@pytest.mark.parametrize("client_first", [True, False])
async def test_everything_else_passes_as_bytes(
    captured: Captured, foreign: Foreign, monkeypatch: pytest.MonkeyPatch, client_first: bool
) -> None:
    """It arrives where the client meant it, byte for byte, however it is cut; so do answers."""
    if client_first:
        monkeypatch.setattr("aex_addon.captured.CLIENT_FIRST", frozenset((foreign.port,)))
    captured.goal[0] = ("127.0.0.1", foreign.port)
    for said, step in itertools.product(FOREIGN, (1, 4096)):
        client = await captured.connect(UNKNOWN, sni=None)
        for start in range(0, len(said), step):
            await client.send(said[start : start + step])
        arrived = b""
        while len(arrived) < len(said):
            arrived += await foreign.seen.get()
        assert arrived == said
        assert await client.reader.readexactly(5) == b"heard"
        await client.close()
    assert captured.rig.executions() == []


async def test_a_server_may_speak_first(captured: Captured) -> None:
    """Where a port is none of HTTP's, its greeting comes before the client has said a word."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        writer.write((await reader.readline()).upper())
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    captured.goal[0] = server.sockets[0].getsockname()[:2]
    client = await captured.connect(sni=None)
    assert await client.reader.readline() == b"220 ready\r\n"
    await client.send(b"helo\r\n")
    assert await client.reader.read() == b"HELO\r\n"
    server.close()
    await server.wait_closed()


async def test_a_governed_host_at_another_port_is_closed(
    captured: Captured, foreign: Foreign
) -> None:
    """Not a byte of the client reaches that port."""
    captured.goal[0] = ("127.0.0.1", foreign.port)
    client = await captured.connect(sni=None)
    await client.send(hello(HOST))
    assert await client.ended()
    assert foreign.seen.empty()


async def test_a_greeting_without_end_is_not_held_for_ever(captured: Captured) -> None:
    """After more bytes than any real one has, the connection is closed."""
    client = await captured.connect(sni=None)
    await client.send(b"GET /" + b"x" * 100_000)
    with contextlib.suppress(ConnectionError):
        assert await client.ended()


async def test_a_client_that_leaves_without_a_word(captured: Captured) -> None:
    """Nothing is dialled for it, and nothing is left of it."""
    client = await captured.connect(sni=None)
    await client.send(b"GE")
    client.writer.write_eof()
    assert await client.ended()


@pytest.mark.parametrize("port", [22, 443])
async def test_what_aex_itself_sends_is_not_captured(
    captured: Captured, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """A firewall that leads AEX's own calls back to it makes no circle of connections."""
    captured.goal[0] = ("203.0.113.7", port)
    client = await captured.connect(sni=None)
    dial, dialled = asyncio.open_connection, 0

    async def led_back(
        _host: str, _port: int, **_: object
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        nonlocal dialled
        dialled += 1
        if dialled > 5:
            raise OSError("it would go on for ever")
        return await dial("127.0.0.2", captured.port)

    monkeypatch.setattr(asyncio, "open_connection", led_back)
    await client.send(b"hello there")
    assert await client.ended()
    assert dialled == 1


async def test_the_gateway_s_own_token_ends_with_it(captured: Captured) -> None:
    """While it runs the agent has one token of this kind more; a rotation does not end it."""
    with captured.rig.reader() as reader:
        (token,) = (each for each in reader.tokens("bot") if each.label == "capture")
    assert not token.revoked_at
    captured.rig.assembly.payers.end(captured.rig.assembly.store.one)
    with captured.rig.reader() as reader:
        (token,) = (each for each in reader.tokens("bot") if each.label == "capture")
    assert token.revoked_at
    client = await captured.connect()
    assert (await client.call(captured.call())).status == 401


class Proxyserver:
    """Stands in for mitmproxy's addon of this name, with one connection."""

    def __init__(self, client: Client, context: Context) -> None:
        self.handler = SimpleNamespace(layer=SimpleNamespace(context=context))
        self.connections = {client.id: self.handler}


@pytest.mark.parametrize(
    ("mode", "protocol", "goal", "layer"),
    [
        ("wireguard@0.0.0.0:1", "tcp", ("192.0.2.1", 443), CapturedLayer),
        ("local:x", "tcp", ("192.0.2.1", 22), CapturedLayer),
        ("local:x", "udp", ("192.0.2.1", 123), layers.UDPLayer),
        ("local:x", "udp", ("10.0.0.53", 53), layers.UDPLayer),
        ("local:x", "udp", ("192.0.2.1", 443), None),
        ("wireguard@0.0.0.0:1", "udp", ("10.0.0.53", 53), SimpleNamespace),
        ("wireguard@0.0.0.0:1", "tcp", ("10.0.0.53", 53), SimpleNamespace),
        ("regular@127.0.0.1:1", "tcp", ("10.0.0.53", 53), SimpleNamespace),
    ],
)
def test_what_stands_first(
    mode: str, protocol: str, goal: tuple[str, int], layer: type | None
) -> None:
    """TCP is held; UDP passes, but QUIC, which would go around; a VPN's own name server answers."""
    client = tflow.tclient_conn()
    client.proxy_mode = ProxyMode.parse(mode)
    client.transport_protocol = "udp" if protocol == "udp" else "tcp"
    context = Context(client, Options())
    context.server.address = goal
    server, egress, table = Proxyserver(client, context), opened(), routes({}, {})
    with taddons.context(server, loadcore=False):
        doors = Doors(lambda: table, Destinations(), lambda *_: None, egress)
        Captures(lambda: table, doors, Payers({}, "gw")).client_connected(client)
    assert bool(client.error) is (layer is None)
    assert isinstance(server.handler.layer, layer or SimpleNamespace)
    assert (client.id in egress.named) is (layer is layers.UDPLayer)  # type: ignore[attr-defined]


def test_a_mode_that_mitmdump_was_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever starts it chooses its modes, and is told of one that aex.toml names in vain."""
    table = routes({}, {})
    doors = Doors(lambda: table, Destinations(), lambda *_: None, opened())
    modes = {mode: CaptureSettings(agent="bot") for mode in ("local:x", "wireguard@127.0.0.1:1")}
    with taddons.context() as tctx:
        tctx.options.mode = ["regular@127.0.0.1:1", "local:x"]
        Captures(lambda: table, doors, Payers(modes, "gw")).running()
    (said,) = [record.getMessage() for record in caplog.records if record.name == "aex"]
    assert said.endswith("start mitmproxy with --mode wireguard@127.0.0.1:1")
