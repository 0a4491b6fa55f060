"""A gateway listens, stops in order, and says why where it cannot."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from aex_addon import gateway as gateway_module
from aex_addon.reload import Report
from ledger.read import Reader
from tests.aex_addon.process import UP, URL, Place, place, started, up
from tests.aex_addon.rig import Rig
from tests.aex_addon.rig import gateway as rig_gateway
from tests.aex_addon.wire import ANSWER, Upstream, connected

ANYWHERE = {"listen": "127.0.0.1:0"}


@pytest.fixture
def at(tmp_path: Path, provider: Upstream) -> Place:
    return place(tmp_path, provider.port, **ANYWHERE)


class Held:
    """An upstream's answer that waits until it is let go."""

    def __init__(self, provider: Upstream) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        provider.answers.append(self._answer)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.set()
        await self.go.wait()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(ANSWER) + ANSWER)
        await writer.drain()


def events(at: Place) -> list[str]:
    with Reader(URL, at.home.path) as reader:
        return [logged.event.type for logged in reader.log()]


async def refused(at: Place, **environ: str) -> str:
    """The one line of a gateway that does not start."""
    async with started([sys.executable, "-c", UP], at, **environ) as process:
        code, said = await process.ended()
    assert code == 1
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("refused: ")]
    return line


async def health(port: int) -> tuple[int, Any]:
    async with connected(port) as client:
        answer = await client.call(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    return answer.status, answer.json


async def stopping(port: int) -> Any:
    """What /health says as soon as it says that no more calls are taken."""
    status, said = await health(port)
    while status == 200:
        status, said = await health(port)
    return said


async def test_a_run(at: Place, provider: Upstream) -> None:
    """It tells where it listens, serves, and on SIGTERM ends with 0 and leaves no pid file."""
    provider.json()
    async with up(at) as (process, port):
        noted = json.loads(at.home.pid_file.read_text())
        assert noted["pid"] == process.process.pid
        assert noted["listen"] == f"127.0.0.1:{port}"
        assert (await health(port))[0] == 200
        async with connected(port) as client:
            assert (await client.call(at.request())).body == ANSWER
        process.signal(signal.SIGTERM)
        code, said = await process.ended()
    assert (code, at.home.pid_file.exists()) == (0, False)
    assert at.token not in said
    (row,) = at.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "exact")
    assert events(at)[-1] == "gateway.stopped"


async def test_a_stop_drains(at: Place, provider: Upstream) -> None:
    """What is under way finishes and is settled; what comes meanwhile is sent away."""
    held = Held(provider)
    async with up(at) as (process, port), connected(port) as client, connected(port) as late:
        await client.send(at.request())
        await held.reached.wait()
        process.signal(signal.SIGTERM)
        assert (await stopping(port))["draining"] is True
        answer = await late.call(at.request())
        assert (answer.status, answer.headers["x-should-retry"]) == (503, "true")
        held.go.set()
        assert (await client.answer()).body == ANSWER
        assert (await process.ended())[0] == 0
    (row,) = at.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "exact")


async def test_a_stop_does_not_wait_for_ever(tmp_path: Path, provider: Upstream) -> None:
    """After the time to drain, what is under way is booked at its reserve, and the end is 0."""
    at, held = place(tmp_path, provider.port, **ANYWHERE, drain_seconds=0), Held(provider)
    async with up(at) as (process, port), connected(port) as client:
        await client.send(at.request())
        await held.reached.wait()
        process.signal(signal.SIGTERM)
        assert (await process.ended())[0] == 0
    (row,) = at.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
    assert row.actual_nanousd == row.reserved_nanousd > 0


async def test_two_interrupts_stop_at_once(at: Place, provider: Upstream) -> None:
    """The second one does not wait for what is under way; the next start books that."""
    held = Held(provider)
    async with up(at) as (process, port), connected(port) as client:
        await client.send(at.request())
        await held.reached.wait()
        process.signal(signal.SIGINT)
        await stopping(port)
        process.signal(signal.SIGINT)
        code, said = await process.ended()
    assert code == 0
    assert "stopping at once" in said
    assert not at.home.pid_file.exists()
    async with up(at):
        (row,) = at.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")


async def test_a_killed_gateway(at: Place, provider: Upstream) -> None:
    """A pid file that was left behind hinders nobody, and what was open is recovered."""
    held = Held(provider)
    async with up(at) as (process, port), connected(port) as client:
        await client.send(at.request())
        await held.reached.wait()
        process.signal(signal.SIGKILL)
        await process.ended()
    assert at.home.pid_file.exists()
    assert [row.state for row in at.executions()] == ["DISPATCHED"]
    async with up(at) as (process, port):
        assert json.loads(at.home.pid_file.read_text())["pid"] == process.process.pid
        assert [row.state for row in at.executions()] == ["COMMITTED"]
        assert (await health(port))[0] == 200


async def test_a_port_in_use(at: Place) -> None:
    """The line names the address and both ways to change it; no pid file is left."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = await refused(at, AEX_LISTEN=f"127.0.0.1:{port}")
    server.close()
    await server.wait_closed()
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use. " in line
    assert "AEX_LISTEN" in line
    assert not at.home.pid_file.exists()


def capture(at: Place, mode: str, agent: str = "bot") -> None:
    with at.home.config.open("a") as file:
        file.write(f'[capture."{mode}"]\nagent = "{agent}"\n')


async def test_what_cannot_be_captured(at: Place) -> None:
    """A mode that does not stand, or an agent that does not, is told in place of a start."""
    config = at.home.config.read_text()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    mode = f"transparent@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    capture(at, mode)
    line = await refused(at)
    server.close()
    await server.wait_closed()
    assert f"cannot capture by {mode}: " in line
    at.home.config.write_text(config)
    capture(at, mode, agent="nobody")
    assert "aex agent create nobody" in await refused(at)


async def test_a_vpn_of_one_peer(tmp_path: Path) -> None:
    """It listens beside the doors, and its keys are where only the owner reads them."""
    at = place(tmp_path, 9, **ANYWHERE, log_level="debug")
    keys = tmp_path / "peer.conf"
    capture(at, f"wireguard:{keys}@127.0.0.2:0")
    async with up(at) as (process, port):
        assert (await health(port))[0] == 200
        process.signal(signal.SIGTERM)
        code, said = await process.ended()
    peer = keys.with_name("peer.conf.peer")
    assert code == 0
    assert str(peer) in said
    assert {path.stat().st_mode & 0o777 for path in (keys, peer)} == {0o600}
    kept = json.loads(keys.read_text())
    assert f"PrivateKey = {kept['client_key']}" in peer.read_text()
    assert not any(key in said for key in kept.values())


async def test_names_are_answered_for_a_vpn_alone(tmp_path: Path) -> None:
    """A peer asks for them inside its tunnel; nobody else does."""
    for mode, answers in {"wireguard@127.0.0.2:0": True, "transparent@127.0.0.2:0": False}.items():
        async with rig_gateway(tmp_path / "home", 9):
            """Makes the agent."""
        captures = {mode: {"agent": "bot"}}
        async with rig_gateway(tmp_path / "home", 9, capture=captures) as rig:
            running = [each.is_running for each in rig.master.addons.get("proxyserver").servers]
            assert running == [True, True]
            assert (rig.master.addons.get("dnsresolver") is not None) is answers


async def test_a_second_instance(at: Place) -> None:
    """It is refused, and neither the first one nor its pid file is harmed."""
    async with up(at) as (process, port):
        noted = at.home.pid_file.read_text()
        assert "another gateway serves" in await refused(at)
        assert at.home.pid_file.read_text() == noted
        assert (await health(port))[0] == 200
        assert process.process.returncode is None


async def test_a_broken_ledger(at: Place) -> None:
    """It is refused with a line that says what is broken."""
    (at.home.path / "ledger.db").write_bytes(b"no database" * 1000)
    assert "SQLite" in await refused(at)


@pytest.mark.parametrize("terminals", [(False, False), (True, True), (True, False)])
async def test_what_a_hangup_means(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, terminals: tuple[bool, bool]
) -> None:
    """A wish for another configuration; or, where the terminal is gone, the end."""
    reloads: list[str] = []

    async def reload(actor: str) -> Report:
        reloads.append(actor)
        return Report()

    had, has = terminals
    monkeypatch.setattr(rig.assembly.reloader, "reload", reload)
    monkeypatch.setattr("os.isatty", lambda _: has)
    shut: list[bool] = []
    monkeypatch.setattr(rig.master, "shutdown", lambda: shut.append(True))
    gateway_module._on_hangup(had, rig.master, rig.pipeline, rig.assembly)
    while not shut and not reloads:  # noqa: ASYNC110 - either is a task of its own
        await asyncio.sleep(0)
    assert rig.pipeline.draining is (had and not has)
    assert reloads == ([] if had and not has else ["signal"])
    monkeypatch.undo()
