"""What governing a call costs: CPU time per request, beside mitmproxy without AEX, in one run.

Owns: the benchmark behind `scripts/bench`. Three proxies stand side by side in front of one
upstream, and take turns under the same load (HTTPS through CONNECT, keep-alive, JSON answers):

    mitmdump    stock mitmdump, its some thirty addons, redirected by a script of three lines
    master      AEX's own small master without governance, the same redirection
    aex         AEX governing: admission and settlement of every call, durable (FULL sync)

CPU time is what the proxy's own process used, from the kernel's accounting; it is far less noisy
than a clock on a shared machine. Requests per second are given too, for orientation.
Refuses to know: how a proxy is started (bench_proxies.py), what a round consists of
(bench_client.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import ssl
import statistics
import sys
import tempfile
from pathlib import Path

from scripts.lib.bench_client import load
from scripts.lib.bench_proxies import Subject, listening, subjects
from scripts.lib.bench_upstream import Upstream


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
