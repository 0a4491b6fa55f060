"""A gateway as a process of its own: started, asked, signalled, and what it said.

Owns: the process and its home, with one agent in the ledger.
Refuses to know: what is asserted.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aex_addon.home import Home
from aex_addon.tokens import mint
from ledger.admin_commands import CreateAgent
from ledger.opening import open_store
from ledger.read import Reader
from ledger.state import Execution
from tests.aex_addon.rig import CHAT, KEY

ROOT = Path(__file__).resolve().parents[2]
URL = "sqlite:///ledger.db"

# As `aex up` does it, and nothing else, so that only gateway.py is tested here.
UP = """
import os, sys
from aex_addon.gateway import run
from aex_addon.home import Home, HomeError
from aex_addon.settings_values import ConfigError
from aex_addon.settings_load import load
from ledger.errors import LedgerError
home = Home.locate(os.environ)
try:
    ready = lambda host, port: print(port, flush=True)
    sys.exit(run(home, load(home, os.environ), ready, os.environ))
except (ConfigError, HomeError, LedgerError) as error:
    sys.exit(f"refused: {error}")
"""


@dataclass
class Place:
    """A home with an agent `bot` whose token is known."""

    home: Home
    token: str

    def executions(self) -> list[Execution]:
        with Reader(URL, self.home.path) as reader:
            return reader.executions()

    def request(self, stream: bool = False) -> bytes:
        body = json.dumps({**CHAT, "stream": stream}).encode()
        head = ["POST /v1/chat/completions HTTP/1.1", "host: 127.0.0.1"]
        head += [f"authorization: Bearer {self.token}", f"content-length: {len(body)}", "", ""]
        return "\r\n".join(head).encode() + body


def place(folder: Path, upstream_port: int, **settings: object) -> Place:
    """A new home, its config written, its ledger begun."""
    home = Home(folder / "home")
    home.ensure()
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    # Strangers of a test live on this machine, as its provider does.
    lines += ["[egress]", 'private = ["127.0.0.0/8", "::1"]']
    lines += ["[providers.openai]", f'upstream = "http://127.0.0.1:{upstream_port}"', ""]
    home.config.write_text("\n".join(lines))
    token = mint()
    store = open_store(URL, home.path, ledger_id="a" * 32, version="1")
    store.one(CreateAgent("bot", 10**9, 0, 0, "test", token.token_hash, token.token_id))
    store.close()
    return Place(home, token.secret)


class Process:
    """One running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        """The next line of its standard output, empty at the end."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """Its exit code and all that it said since."""
        output, errors = await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode is not None
        return self.process.returncode, (output + errors).decode()


@asynccontextmanager
async def started(command: list[str], at: Place, **environ: str) -> AsyncIterator[Process]:
    """A process with the home in its environment; it is killed if it outlives the block."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"AEX_HOME": str(at.home.path), "HOME": str(at.home.path.parent), "OPENAI_API_KEY": KEY}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**inherited, **own, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def up(at: Place, **environ: str) -> AsyncIterator[tuple[Process, int]]:
    """A gateway that serves, and its port."""
    async with started([sys.executable, "-c", UP], at, **environ) as process:
        line = await process.line()
        assert line, (await process.ended())[1]
        yield process, int(line)
