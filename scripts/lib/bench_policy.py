"""What a policy costs a call: CPU time per request of gateways with and without one, in one run.

Owns: the benchmark behind `scripts/bench --policy`. Four gateways stand side by side in front of
one upstream, and take turns under the same load:

    none      no caps, no rules, no plugins
    caps      caps of an agent
    rules     the same caps, and ten rules of all kinds, none of which refuses
    plugin    one plugin that looks at the model and allows

CPU time is that of the gateway's own process, and for `plugin` that of its workers too.
Refuses to know: what a round consists of (bench_client.py).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.lib.bench_client import cpu_seconds, load
from scripts.lib.bench_proxies import PYTHON, ROOT, Subject, aex, free_port, listening
from scripts.lib.bench_upstream import Upstream

NAMES = ("none", "caps", "rules", "plugin")
CAPS = ("--allow-model", "bench-*", "--max-output-tokens", "4096", "--no-vision", "--no-tools")
RULES = """
[[rules]]
name = "models"
models = ["gpt-5*", "o1*", "claude-opus-*"]
[[rules]]
name = "night"
agents = ["night-*"]
hours = { days = ["sat", "sun"], from = "22:00", to = "06:00", zone = "Europe/Berlin" }
[[rules]]
name = "hours"
hours = { from = "02:00", to = "02:01", zone = "Europe/Berlin" }
models = ["nothing"]
[[rules]]
name = "cost"
max_cost_usd = "100"
[[rules]]
name = "hosts"
hosts = ["*.example.com"]
[[rules]]
name = "paths"
paths = ["/v1/files*", "/v1/batches*"]
[[rules]]
name = "tools"
tools = ["web_search", "mcp*"]
[[rules]]
name = "streams"
streaming = true
[[rules]]
name = "only"
unless = { models = ["bench-*", "gpt-4o-mini*"] }
[[rules]]
name = "others"
agents = ["intern-*"]
unless = { models = ["gpt-4o-mini*"] }
"""
PLUGIN = """
def evaluate(context):
    for names in context["models"] or ():
        if "o1" in names:
            return {"decision": "deny", "reason": "not this one"}
    return {"decision": "abstain"}
"""


def begin(folder: Path, name: str, upstream: int) -> tuple[Subject, str]:
    """A gateway of its own home, and the file of its root."""
    home, port = folder / name, free_port()
    home.mkdir(mode=0o700)
    config = home / "aex.toml"
    config.write_text(
        f'listen = "127.0.0.1:{port}"\n'
        f'[providers.openai]\nupstream = "http://127.0.0.1:{upstream}"\n'
        '[models."bench-model"]\nprovider = "openai"\n'
        'input_usd_per_mtok = "0.15"\noutput_usd_per_mtok = "0.60"\nmax_output_tokens = 4096\n'
        + (RULES if name == "rules" else "")
    )
    config.chmod(0o600)
    aex("init", home=home)
    if name == "plugin":
        (home / "policies").mkdir(mode=0o700)
        (home / "policies" / "a.py").write_text(PLUGIN)
        (home / "policies" / "a.py").chmod(0o600)
    caps = CAPS if name in {"caps", "rules"} else ()
    made = json.loads(aex("agent", "create", "bench", "1000000", "0", *caps, "--json", home=home))
    environment = {"AEX_HOME": str(home), "PATH": os.environ["PATH"], "HOME": str(home)}
    secret = base64.b64encode(f"bench:{made['token']}".encode())
    process = subprocess.Popen(
        [PYTHON, "-m", "aex_addon.cli.main", "up"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    headers = b"proxy-authorization: Basic " + secret + b"\r\n"
    return Subject(name, port, headers, process), str(home / "ca" / "ca.pem")


def workers(subject: Subject) -> list[int]:
    """The processes that a gateway has started."""
    pid = subject.process.pid
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


async def measure(options: argparse.Namespace, folder: Path) -> list[Subject]:
    """All rounds; the gateways take turns, so that a slow minute hits all of them."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    started = [begin(folder, name, port) for name in NAMES]
    try:
        contexts = {}
        for subject, root in started:
            await listening(subject.port)
            contexts[subject.name] = ssl.create_default_context(cafile=root)
            await load(subject, contexts[subject.name], 1, 50)
            subject.cpu_ms.clear()
            subject.rate.clear()
        for done in range(options.rounds):
            for connections in (1, 16):
                # Another one begins each time, for whoever comes after a plugin meets cold caches.
                first = done % len(started)
                for subject, _ in started[first:] + started[:first]:
                    before = {pid: cpu_seconds(pid) for pid in workers(subject)}
                    await load(subject, contexts[subject.name], connections, options.requests)
                    spent = sum(cpu_seconds(pid) - used for pid, used in before.items())
                    subject.cpu_ms[connections][-1] += spent * 1000 / options.requests
            print(f"round {done + 1} of {options.rounds}", file=sys.stderr)
    finally:
        for subject, _ in started:
            subject.process.send_signal(signal.SIGTERM)
        for subject, _ in started:
            subject.process.wait(60)
        server.close()
    return [subject for subject, _ in started]


def report(measured: list[Subject], as_json: bool) -> None:
    """Medians, and those of the ratios that count: each to `none`, and rules to caps."""
    cpu = {
        (subject.name, connections): statistics.median(subject.cpu_ms[connections])
        for subject in measured
        for connections in (1, 16)
    }
    pairs = (("caps", "none"), ("rules", "none"), ("rules", "caps"), ("plugin", "none"))
    by_name = {subject.name: subject.cpu_ms for subject in measured}
    # Of each round by itself: a slow minute is in both of its figures.
    ratios = {
        f"{name}/{base} at {connections}": statistics.median(
            one / other
            for one, other in zip(
                by_name[name][connections], by_name[base][connections], strict=True
            )
        )
        for name, base in pairs
        for connections in (1, 16)
    }
    if as_json:
        figures = [
            {"gateway": name, "connections": connections, "cpu_ms": found}
            for (name, connections), found in cpu.items()
        ]
        print(json.dumps({"figures": figures, "cpu_ratios": ratios}, indent=2))
        return
    for (name, connections), found in cpu.items():
        print(f"{name:8} {connections:3} connections {found:8.3f} CPU ms/request")
    for name, ratio in ratios.items():
        print(f"CPU {name} connections: {ratio:.3f}")


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(description="What a policy costs a call.")
    parser.add_argument("--requests", type=int, default=800, help="requests per round and gateway")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aex-bench-"))
    try:
        measured = asyncio.run(measure(options, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(measured, options.json)


if __name__ == "__main__":
    main()
