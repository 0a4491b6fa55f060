"""A network of its own, in which a firewall leads all that agents send to a gateway.

Owns: the network, who is in it, and what is asked; run as a program inside `unshare -n`. It prints
what came of it as JSON.
Refuses to know: what should have come of it (test_transparent.py).

    agents' namespace     10.77.0.2 (agent one), 10.77.0.3 (agent two), 10.77.0.4 (nobody)
    gateway's namespace   10.77.0.1, redirecting all TCP that comes in; 198.51.100.7 is a stranger
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.books import settled
from tests.end_to_end.conftest import ca_file
from tests.end_to_end.doors import OWN_KEY
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.prompts import CHAT
from tests.end_to_end.tls_server import Stranger, stranger
from tests.end_to_end.upstream import Provider

ONE, TWO, NOBODY = "10.77.0.2", "10.77.0.3", "10.77.0.4"
STRANGER = "198.51.100.7"
# Where clients believe the provider to be; nothing is there.
ELSEWHERE = "203.0.113.9"
PORT = 8080
CAPTURE = f"""
[capture."transparent@10.77.0.1:{PORT}"]
agents = {{ "{ONE}" = "AGENT_ONE", "10.77.0.2/31" = "AGENT_TWO" }}
"""
RULES = f"""
table ip aex {{
  chain redirected {{
    type nat hook prerouting priority dstnat;
    iifname "gateway" meta l4proto tcp redirect to :{PORT}
  }}
}}
"""


def run(*words: str, said: str = "") -> str:
    """A command that must succeed."""
    done = subprocess.run(
        words, input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def network() -> Iterator[list[str]]:
    """Both namespaces; the words before a command that enter the agents'."""
    with subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        enter = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        link = ["ip", "link", "add", "gateway", "type", "veth"]
        run(*link, "peer", "name", "agents", "netns", str(holder.pid))
        run("ip", "link", "set", "lo", "up")
        run("ip", "addr", "add", f"{STRANGER}/32", "dev", "lo")
        run("ip", "addr", "add", "10.77.0.1/24", "dev", "gateway")
        run("ip", "link", "set", "gateway", "up")
        for address in (ONE, TWO, NOBODY):
            run(*enter, "ip", "addr", "add", f"{address}/24", "dev", "agents")
        run(*enter, "ip", "link", "set", "agents", "up")
        run(*enter, "ip", "route", "add", "default", "via", "10.77.0.1")
        run("nft", "-f", "-", said=RULES)
        try:
            yield enter
        finally:
            holder.stdin.close()  # type: ignore[union-attr]


class Client:
    """curl in the agents' namespace, told of no proxy."""

    def __init__(self, enter: list[str]) -> None:
        self._enter = enter

    def ask(self, source: str, url: str, trusted: str, *more: str) -> dict[str, Any]:
        """What came back. The names of providers and strangers resolve as the client believes."""
        host, _, port = url.split("/")[2].partition(":")
        goal = ELSEWHERE if host.startswith("api.") else STRANGER
        done = subprocess.run(
            [
                *(*self._enter, "curl", "-sS", "--max-time", "30", "--noproxy", "*"),
                *("--interface", source, "--cacert", trusted, "-w", "\n%{http_code}"),
                *("--resolve", f"{host}:{port or 443}:{goal}", *more, url),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        body, _, status = done.stdout.rpartition("\n")
        return {"status": int(status or 0), "body": body, "error": done.stderr}


def scenario(folder: Path, provider: Provider, client: Client, server: Stranger) -> dict[str, Any]:
    """Everything that is asked, and what came of it."""
    gateway = Gateway(folder / "home", provider.url)
    one, two = gateway.create_agent(), gateway.create_agent()
    capture = CAPTURE.replace("AGENT_ONE", one.name).replace("AGENT_TWO", two.name)
    text = gateway.config.read_text().replace('"::1"]', f'"::1", "{STRANGER}"]')
    gateway.write_config(text + capture)
    gateway.start()
    trusted, own = ca_file(gateway), str(folder / "stranger.pem")
    server.ca.cert_pem.write_to_path(own)
    call = ["-H", f"authorization: Bearer {OWN_KEY}", "--json", json.dumps(CHAT)]
    openai = "https://api.openai.com/v1/chat/completions"
    came = {
        name: client.ask(
            source, openai, trusted, *call, "--http1.1" if name == "one" else "--http2"
        )
        for name, source in (("one", ONE), ("two", TWO), ("nobody", NOBODY))
    }
    for name, host in (("by_name", "foreign.example"), ("by_address", STRANGER)):
        came[name] = client.ask(NOBODY, f"https://{host}:{server.port}/x", own)
    paid = {
        name: [row["door"] for row in settled(gateway, agent)]
        for name, agent in (("one", one), ("two", two))
    }
    left = [token["label"] for token in tokens(gateway) if not token["revoked_at"]]
    gateway.stop()
    kept = [token["label"] for token in tokens(gateway) if not token["revoked_at"]]
    keys = {call.header("authorization") for call in provider.calls()}
    return {
        "came": came,
        "paid": paid,
        "while": left,
        "after": kept,
        "keys": sorted(map(str, keys)),
    }


def tokens(gateway: Gateway) -> list[dict[str, Any]]:
    """All that the ledger has."""
    from tests.end_to_end.books import query

    return query(gateway, "SELECT label, revoked_at FROM tokens")


def main() -> None:
    """Builds all of it below the folder that is named, asks, and takes it down."""
    folder = Path(sys.argv[1])
    with network() as enter, stranger(tls=True, address=STRANGER) as server:
        provider = Provider(folder)
        try:
            told = scenario(folder, provider, Client(enter), server)
            sys.stdout.write(json.dumps(told) + "\n")
        finally:
            provider.close()


if __name__ == "__main__":
    main()
