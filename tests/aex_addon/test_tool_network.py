"""A tool with the network: whatever it says to the proxy, it is its agent; AEX is out of reach."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.admin_commands import CreateAgent, SetLimits
from ledger.reached import reached
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.strangers import HERE, THERE, Strangers, get, strangers
from tests.aex_addon.test_tool_calls import PATH, ask, install, until
from tests.aex_addon.wire import Upstream
from tests.tool_packages import needs_sandbox, pack

pytestmark = needs_sandbox

# Says each of its input to the proxy, on a connection of its own; tells status and code.
SAYS = """\
import json, socket, sys

for said in json.load(sys.stdin):
    with socket.create_connection(("127.0.0.1", 8080)) as proxy:
        proxy.sendall(said.encode())
        head = b""
        while b"\\r\\n\\r\\n" not in head and (data := proxy.recv(65536)):
            head += data
    lines = head.decode("latin-1").split("\\r\\n")
    codes = [line.split(": ")[1] for line in lines if line.lower().startswith("x-aex-denial: ")]
    print(lines[0].split(" ")[1] if head else "closed", *codes)
"""


@pytest.fixture
async def both() -> AsyncIterator[Strangers]:
    """A server HERE, which the agent may reach, and one THERE."""
    async with strangers(HERE, THERE) as found:
        yield found


@pytest.fixture
async def rig(tmp_path: Path, provider: Upstream) -> AsyncIterator[Rig]:
    """Whose agent has a tool that says to the proxy what it is given."""
    made = tmp_path / "made"
    made.mkdir()
    async with gateway(tmp_path / "home", provider.port) as found:
        install(found, pack(made, "says", SAYS, network="full"))
        yield found


async def told(rig: Rig, *said: bytes) -> list[str]:
    """What the tool hears."""
    ran = (await ask(rig, "says", [each.decode() for each in said])).json
    assert ran["status"] == "ok", ran
    lines: list[str] = ran["output"].splitlines()
    return lines


async def test_its_agents_lists_hold_for_it(rig: Rig, both: Strangers) -> None:
    """Also where it names nobody, or somebody else: it is on record as its agent's doing."""
    store = rig.assembly.store
    store.one(CreateAgent("eve", 10**9, 0, 0, "test", "e" * 64, "tok_eve"))
    store.one(SetLimits("bot", "test", caps={"egress_allow": [HERE]}))
    here, there = f"{HERE}:{both.port}", f"{THERE}:{both.port}"
    heard = await told(
        rig,
        get(f"http://{here}/", here),
        get(f"http://{there}/", there),
        get(f"http://{there}/", there, "Proxy-Authorization: Basic ZXZlOng="),
        f"CONNECT {there} HTTP/1.1\r\n\r\n".encode(),
    )
    assert heard == ["200", *["403 egress_not_allowed"] * 3]
    assert set(both.heads) == {HERE}
    with rig.reader() as reader:
        rows = {(each.host, each.outcome) for each in reached(reader, "bot", 9)}
        assert reached(reader, "", 9) == []
    assert rows == {(HERE, "passed"), (THERE, "egress_not_allowed")}


async def test_no_private_address_is_reached(tmp_path: Path, both: Strangers) -> None:
    """But for those that the operator names; it is what any agent may reach."""
    made = tmp_path / "made"
    made.mkdir()
    async with gateway(tmp_path / "home", 1, egress={"private": [HERE]}) as rig:
        install(rig, pack(made, "says", SAYS, network="full"))
        inner = (THERE, "localhost", "127.1", "[::1]", "169.254.169.254", "10.0.0.1", "0")
        wanted = [f"{each}:{both.port}" for each in inner]
        plain = await told(rig, *(get(f"http://{each}/", each) for each in wanted))
        tunnels = await told(rig, *(f"CONNECT {each} HTTP/1.1\r\n\r\n".encode() for each in wanted))
    assert set(plain) | set(tunnels) == {"403 egress_private"}
    assert both.connections == []


async def test_nothing_of_aex_is_reached(rig: Rig) -> None:
    """Neither its pages, which this machine may see, nor providers below it, nor another tool."""
    own = f"127.0.0.1:{rig.port}"
    body = json.dumps({"tool": "says", "input": []}).encode()
    heard = await told(
        rig,
        *(get(path, own) for path in ("/metrics", "/health", "/dashboard", "/v1/aex/budget")),
        rig.request(PATH, body),
        rig.request(),
        get(f"http://{own}/metrics", own),
        f"CONNECT {own} HTTP/1.1\r\n\r\n".encode(),
    )
    assert [each.split()[0] for each in heard] == [*["421"] * 7, "403"], heard
    (row,) = rig.executions()
    assert row.provider == "tools"


async def test_a_connection_after_it_is_anybodys(rig: Rig, both: Strangers) -> None:
    """What is known of a tool's connections ends with them."""
    here = f"{HERE}:{both.port}"
    assert await told(rig, get(f"http://{here}/", here)) == ["200"]
    identity = rig.assembly.parts.identity
    connections = rig.master.addons.get("proxyserver").connections
    await until(lambda: not connections)
    assert (identity._tools, identity._coming) == ({}, {})
