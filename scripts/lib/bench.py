"""What governing a call costs: CPU time per request, beside mitmproxy without AEX, in one run.

Owns: the benchmark behind `scripts/bench`. Three proxies stand side by side in front of one
upstream, and take turns under the same load (HTTPS through CONNECT, keep-alive, JSON answers):

    mitmdump    stock mitmdump, its some thirty addons, redirected by a script of three lines
    master      AEX's own small master without governance, the same redirection
    aex         AEX governing: admission and settlement of every call, durable (FULL sync)

CPU time is what the proxy's own process used, from the kernel's accounting; it is far less noisy
than a clock on a shared machine. Requests per second are given too, for orientation.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
TICKS = os.sysconf("SC_CLK_TCK")
BODY = json.dumps(
    {
        "model": "bench-model",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "a question of usual length " * 8}],
    }
).encode()
ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "model": "bench-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "an answer " * 12}}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 24, "total_tokens": 84},
    }
).encode()

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


class Upstream(asyncio.Protocol):
    """Answers every request with the same JSON, as fast as Python can."""

    HEAD = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
        + str(len(ANSWER)).encode()
        + b"\r\n\r\n"
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            length = next(
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(self.HEAD + ANSWER)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """The answer's body, by its length or in chunks."""
    if b"chunked" not in head.lower():
        return await reader.readexactly(len(ANSWER))
    data = b""
    while size := int(await reader.readline(), 16):
        data += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return data


async def client(subject: Subject, context: ssl.SSLContext, requests: int) -> None:
    """One keep-alive connection through CONNECT and TLS, `requests` calls in a row."""
    reader, writer = await asyncio.open_connection("127.0.0.1", subject.port)
    writer.write(
        b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n"
        + subject.headers
        + b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(context, server_hostname="api.openai.com")
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n"
        b"content-type: application/json\r\nauthorization: Bearer sk-dummy\r\ncontent-length: "
        + str(len(BODY)).encode()
        + b"\r\n\r\n"
        + BODY
    )
    for _ in range(requests):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{subject.name} answered {head.splitlines()[0]!r}")
        if await body(reader, head) != ANSWER:
            raise SystemExit(f"{subject.name} altered the answer")
    writer.close()


async def load(subject: Subject, context: ssl.SSLContext, connections: int, requests: int) -> None:
    """One round: notes CPU time per request and requests per second."""
    each = requests // connections
    cpu, wall = cpu_seconds(subject.process.pid), time.perf_counter()
    await asyncio.gather(*(client(subject, context, each) for _ in range(connections)))
    count = each * connections
    used = cpu_seconds(subject.process.pid) - cpu
    subject.cpu_ms.setdefault(connections, []).append(used / count * 1000)
    subject.rate.setdefault(connections, []).append(count / (time.perf_counter() - wall))


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


async def measure(options: argparse.Namespace, home: Path) -> list[Subject]:
    """All rounds; the proxies take turns, so that a slow minute hits all of them."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0)
    started = subjects(home, server.sockets[0].getsockname()[1])
    try:
        for subject in started:
            await listening(subject.port)
        context = ssl.create_default_context(cafile=str(home / "ca" / "ca.pem"))
        for subject in started:
            await load(subject, context, 1, 50)
            subject.cpu_ms.clear()
            subject.rate.clear()
        for done in range(options.rounds):
            for connections in (1, 16):
                for subject in started:
                    await load(subject, context, connections, options.requests)
            print(f"round {done + 1} of {options.rounds}", file=sys.stderr)
    finally:
        for subject in started:
            subject.process.send_signal(signal.SIGTERM)
        for subject in started:
            subject.process.wait(60)
        server.close()
    return started


def report(measured: list[Subject], as_json: bool) -> None:
    """Medians, and the ratios that count."""
    rows = {}
    for subject in measured:
        for connections in (1, 16):
            rows[(subject.name, connections)] = (
                statistics.median(subject.cpu_ms[connections]),
                statistics.median(subject.rate[connections]),
            )
    ratios = {
        f"aex/{base} at {connections}": rows[("aex", connections)][0] / rows[(base, connections)][0]
        for base in ("mitmdump", "master")
        for connections in (1, 16)
    }
    if as_json:
        figures = [
            {"proxy": name, "connections": connections, "cpu_ms": cpu, "per_second": rate}
            for (name, connections), (cpu, rate) in rows.items()
        ]
        print(json.dumps({"figures": figures, "cpu_ratios": ratios}, indent=2))
        return
    print(f"{'proxy':10} {'connections':>11} {'CPU ms/request':>15} {'requests/s':>11}")
    for (name, connections), (cpu, rate) in rows.items():
        print(f"{name:10} {connections:11} {cpu:15.3f} {rate:11.0f}")
    for name, ratio in ratios.items():
        print(f"CPU {name} connections: {ratio:.2f}")


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(description="What governing a call costs.")
    parser.add_argument("--requests", type=int, default=800, help="requests per round and proxy")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aex-bench-"))
    try:
        measured = asyncio.run(measure(options, folder / "home"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(measured, options.json)


if __name__ == "__main__":
    main()
