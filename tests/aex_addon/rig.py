"""A whole gateway in this process: real sockets, a real SQLite ledger, a scripted upstream.

Owns: starting and stopping it inside a test's own event loop, and an agent in its books.
Refuses to know: what is asserted; what goes over the wire (wire.py).
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy.master import Master

from aex_addon import gateway as gateway_module
from aex_addon.assembly import Assembly, assemble
from aex_addon.home import Home
from aex_addon.pipeline import Pipeline
from aex_addon.settings import Settings
from aex_addon.tokens import PREFIX, _checksum, mint
from ledger.admin_commands import CreateAgent
from ledger.read import Reader
from ledger.state import Agent, Execution

KEY = "sk-provider-key"
OTHER_KEY = "sk-another-provider-s-key"
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64}


def token_of(letter: str) -> str:
    """A token that is the same in every run, so that it can stand in the name of a test."""
    return PREFIX + letter * 43 + _checksum(letter * 43)


def settings_for(upstream_port: int, **changes: Any) -> Settings:
    """Any free port to listen on, and the upstream on loopback."""
    upstream = {"upstream": f"http://127.0.0.1:{upstream_port}"}
    providers = {"openai": {**upstream, "api_key_env": "OPENAI_API_KEY"}}
    data = {
        "listen": "127.0.0.1:0",
        "providers": providers,
        "drain_seconds": 5,
        # Strangers of a test live on this machine, as its provider does.
        "egress": {"private": ["127.0.0.0/8", "::1"]},
        **changes,
    }
    return Settings.model_validate(data)


class Ready:
    """Tells when the listener stands."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def running(self) -> None:
        self.event.set()


@dataclass
class Rig:
    """A running gateway. `token` is that of the agent `bot`."""

    assembly: Assembly
    master: Master
    pipeline: Pipeline
    port: int
    token: str

    @property
    def basic(self) -> str:
        """The value of Proxy-Authorization."""
        return "Basic " + base64.b64encode(f"bot:{self.token}".encode()).decode()

    @property
    def proxy(self) -> str:
        """The proxy's address with the agent's credential."""
        return f"http://bot:{self.token}@127.0.0.1:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """What an agent trusts: AEX's own root among others."""
        return ssl.create_default_context(cafile=str(self.assembly.home.bundle))

    def reader(self) -> Reader:
        return Reader(self.assembly.settings.ledger, self.assembly.home.path)

    def executions(self) -> list[Execution]:
        """Oldest first."""
        with self.reader() as reader:
            return list(reversed(reader.executions(limit=None)))

    def agent(self) -> Agent:
        with self.reader() as reader:
            (agent,) = reader.agents()
        return agent

    def request(
        self, path: str = "/v1/chat/completions", body: bytes | None = None, **headers: str
    ) -> bytes:
        """A call to the base-URL door (underscores in names are dashes)."""
        body = json.dumps(CHAT).encode() if body is None else body
        head = {
            "host": f"127.0.0.1:{self.port}",
            "authorization": f"Bearer {self.token}",
            "content-length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items() if v), "", ""]
        return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def gateway(
    home: Path, upstream_port: int, budget_nanousd: int = 10**9, **changes: Any
) -> AsyncIterator[Rig]:
    """A gateway in front of `upstream_port`, with one agent."""
    loop = asyncio.get_running_loop()
    settings = settings_for(upstream_port, **changes)
    assembly = assemble(Home(home), settings, {"OPENAI_API_KEY": KEY, "FIRST_KEY": OTHER_KEY}, loop)
    token = mint()
    made = CreateAgent("bot", budget_nanousd, 0, 0, "test", token.token_hash, token.token_id)
    assembly.store.one(made)
    master, pipeline = gateway_module._master(assembly)
    ready = Ready()
    master.addons.add(ready)
    running = asyncio.ensure_future(master.run())
    await ready.event.wait()
    port = master.addons.get("proxyserver").listen_addrs()[0][1]
    try:
        yield Rig(assembly, master, pipeline, port, token.secret)
    finally:
        await master.addons.get("proxyserver").servers.update([])
        master.shutdown()
        await running
        assembly.close()
