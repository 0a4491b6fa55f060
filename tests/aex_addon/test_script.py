"""The same list inside the user's own mitmdump governs as `aex up` does."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from pathlib import Path

import httpx

from aex_addon.demo_provider import DemoProvider
from tests.aex_addon.process import Place, Process, place, started, up
from tests.aex_addon.rig import CHAT, KEY

SCRIPT = Path(__file__).resolve().parents[2] / "aex_addon" / "script.py"
MITMDUMP = str(Path(sys.executable).parent / "mitmdump")
# What differs from run to run and says nothing of how a call was governed.
OWN = ("execution_id", "gateway", "created_at", "dispatched_at", "terminal_at")

BODIES = (CHAT, {**CHAT, "stream": True}, {**CHAT, "model": "nobody-knows"})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int) -> list[str]:
    return [MITMDUMP, "-s", str(SCRIPT), "--mode", f"regular@127.0.0.1:{port}"]


async def serving(process: Process, port: int) -> None:
    """Waits until AEX's own page is answered."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            assert process.process.returncode is None, (await process.ended())[1]
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/health")
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def calls(at: Place, port: int) -> list[httpx.Response]:
    """A JSON call, a stream and a denial: in a tunnel, by whole URLs, and to the base URL."""
    trust = ssl.create_default_context(cafile=str(at.home.bundle))
    proxy = f"http://bot:{at.token}@127.0.0.1:{port}"
    header = {"authorization": f"Bearer {at.token}"}
    bases = {
        "https://api.openai.com": (proxy, {}),
        "http://api.openai.com": (proxy, {}),
        f"http://127.0.0.1:{port}": (None, header),
    }
    answers: list[httpx.Response] = []
    for base, (through, headers) in bases.items():
        async with httpx.AsyncClient(
            base_url=base, proxy=through, headers=headers, verify=trust, trust_env=False
        ) as client:
            answers += [await client.post("/v1/chat/completions", json=body) for body in BODIES]
    return answers


def rows(at: Place) -> list[dict[str, object]]:
    found = sorted(at.executions(), key=lambda row: row.created_at)
    kept = [name for name in found[0].__slots__ if name not in OWN]
    return [{name: getattr(row, name) for name in kept} for row in found]


async def test_it_governs_as_the_gateway_does(tmp_path: Path) -> None:
    """Answers and ledger rows are those of `aex up`, at both doors, and the end is in order."""
    provider = DemoProvider(KEY)
    at = place(tmp_path, await provider.start(), listen="127.0.0.1:0")
    port = free_port()
    async with started(command(port), at) as process:
        await serving(process, port)
        scripted = await calls(at, port)
        process.signal(signal.SIGINT)
        code, said = await process.ended()
    by_script = rows(at)
    assert (code, at.token in said) == (0, False)
    async with up(at) as (_, own_port):
        own = await calls(at, own_port)
    await provider.stop()
    assert [answer.status_code for answer in scripted] == [200, 200, 403] * 3
    assert [answer.status_code for answer in own] == [200, 200, 403] * 3
    assert by_script == rows(at)[len(by_script) :]
    assert [row["state"] for row in by_script] == ["COMMITTED", "COMMITTED", "DENIED"] * 3
    assert [row["door"] for row in by_script] == ["proxy"] * 6 + ["base-url"] * 3
    assert len(provider.book) == 12


async def test_it_does_not_start_without_aex(tmp_path: Path) -> None:
    """With a config that cannot be used mitmdump ends instead of serving ungoverned."""
    at = place(tmp_path, 9)
    at.home.config.write_text('lisen = "x"\n')
    async with started(command(free_port()), at) as process:
        code, said = await process.ended()
    assert code != 0
    assert "lisen" in said
