"""The proxies of the benchmark, each a process of its own in front of the same upstream.

Owns: how each is configured and started, and the home that they share.
Refuses to know: what is asked of them, what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable

REDIRECT = """
from mitmproxy import http
def requestheaders(flow: http.HTTPFlow) -> None:
    flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", {port}
"""

MASTER = """
import asyncio, sys
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.master import Master
from mitmproxy.options import Options
sys.path.insert(0, {folder!r})
import redirect
async def main():
    master = Master(Options())
    master.addons.add(Proxyserver(), NextLayer(), TlsConfig(), redirect)
    master.options.update(mode=["regular@127.0.0.1:{listen}"], connection_strategy="lazy",
                          upstream_cert=False, confdir={confdir!r})
    await master.run()
asyncio.run(main())
"""


@dataclass
class Subject:
    """One proxy under test. Figures are per connection count: CPU milliseconds, requests/s."""

    name: str
    port: int
    headers: bytes
    process: subprocess.Popen[bytes]
    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    rate: dict[int, list[float]] = field(default_factory=dict)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def aex(*arguments: str, home: Path) -> str:
    """Runs the command line in a home of the benchmark's own."""
    environment = {"AEX_HOME": str(home), "PATH": os.environ["PATH"], "HOME": str(home)}
    command = [PYTHON, "-m", "aex_addon.cli.main", *arguments]
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout


def subjects(home: Path, upstream: int) -> list[Subject]:
    """Starts the three proxies."""
    ports = [free_port() for _ in range(3)]
    home.mkdir(mode=0o700)
    config = home / "aex.toml"
    config.write_text(
        f'listen = "127.0.0.1:{ports[2]}"\n'
        f'[providers.openai]\nupstream = "http://127.0.0.1:{upstream}"\n'
        '[models."bench-model"]\nprovider = "openai"\n'
        'input_usd_per_mtok = "0.15"\noutput_usd_per_mtok = "0.60"\nmax_output_tokens = 4096\n'
    )
    config.chmod(0o600)
    aex("init", home=home)
    agent = json.loads(aex("agent", "create", "bench", "1000000", "0", "--json", home=home))
    (home / "redirect.py").write_text(REDIRECT.format(port=upstream))
    confdir = str(home / "ca")
    mitmdump = [
        str(Path(PYTHON).parent / "mitmdump"),
        "-q",
        *("--mode", f"regular@127.0.0.1:{ports[0]}"),
        *("--set", f"confdir={confdir}"),
        *("--set", "connection_strategy=lazy"),
        *("--set", "upstream_cert=false"),
        *("-s", str(home / "redirect.py")),
    ]
    source = MASTER.format(folder=str(home), listen=ports[1], confdir=confdir)
    governed = [PYTHON, "-m", "aex_addon.cli.main", "up"]
    environment = {"AEX_HOME": str(home), "PATH": os.environ["PATH"], "HOME": str(home)}
    secret = base64.b64encode(f"bench:{agent['token']}".encode())
    credential = b"proxy-authorization: Basic " + secret + b"\r\n"
    commands = [("mitmdump", mitmdump), ("master", [PYTHON, "-c", source]), ("aex", governed)]
    return [
        Subject(
            name,
            port,
            credential if name == "aex" else b"",
            subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL),
        )
        for (name, command), port in zip(commands, ports, strict=True)
    ]


async def listening(port: int) -> None:
    """Waits until the port takes connections."""
    deadline = time.monotonic() + 30
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing listens on port {port}") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
