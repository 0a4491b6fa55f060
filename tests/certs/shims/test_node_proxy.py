"""The shim of Node, with a real Node and a proxy that refuses: what goes where.

That calls get through is shown end to end, by the clients of test_run_clients.py.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from certs.env import CA_VARIABLES, NODE_SHIM, SHIMS, agent_environment, proxy_url

BY = """
const http = require('http'), https = require('https');
const by = (module, url, options = {}) => new Promise((resolve) => {
  module.get(url, options, (answer) => {
    answer.resume().on('end', () => resolve(answer.statusCode));
  }).on('error', (error) => resolve(error.message));
});
const fetched = (url) => fetch(url).then((answer) => answer.status, (error) => String(error.cause));
const all = async (url) => ({
  fetch: await fetched(url),
  https: await by(https, url),
  agent: await by(https, url, { agent: new https.Agent({ keepAlive: true }) }),
  none: await by(https, url, { agent: false }),
});
const tell = (told) => console.log(JSON.stringify(told));
"""
ASK = f"""{BY}
(async () => tell({{
  ...await all('https://api.example/x'),
  http: await by(http, 'http://plain.example:8080/x'),
  six: await by(https, 'https://[2001:db8::1]/x'),
  near: await by(http, process.argv[1]),
  nearFetch: await fetched(process.argv[1]),
}}))();
"""
# What goes there by itself gets no answer, and leaves this machine neither way.
ASK_NEAR = f"{BY} all('https://127.0.0.2:1/x').then(tell);"
LATER = """
const agents = [require('http').globalAgent, require('https').globalAgent];
for (const agent of agents) agent.options.proxyEnv = process.env;
const flags = new Set([...process.allowedNodeEnvironmentFlags, '--use-env-proxy']);
Object.defineProperty(process, 'allowedNodeEnvironmentFlags', { value: flags });
"""
REFUSED = "the proxy refused {} with status 403"


class Proxy(ThreadingHTTPServer):
    """Refuses every CONNECT, and is a web server besides."""

    seen: list[tuple[str, str]]

    class Handler(BaseHTTPRequestHandler):
        """Notes what it is asked."""

        def do_CONNECT(self) -> None:
            """Refuses."""
            _, _, pair = self.headers["proxy-authorization"].partition(" ")
            self.server.seen.append((self.path, base64.b64decode(pair).decode()))
            self.send_response(403)
            self.end_headers()

        def do_GET(self) -> None:
            """Answers."""
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Says nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", 0), Proxy.Handler) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def node() -> str:
    """This machine's Node; CI's is of version 20."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node on this machine")
    return found


def reads(node: str) -> bool:
    """Whether this Node can read HTTPS_PROXY by itself."""
    probe = "process.exit(process.allowedNodeEnvironmentFlags.has('--use-env-proxy') ? 1 : 0)"
    return bool(subprocess.run([node, "-e", probe], check=False).returncode)


def run(
    node: str,
    proxy: Proxy,
    *words: str,
    shims: Path = SHIMS,
    base: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """A program of Node in the environment of an agent with an awkward name."""
    port = proxy.server_port
    address = proxy_url("a b", "t:@/ é", "127.0.0.1", port)
    root = f"http://127.0.0.1:{port}"
    made = agent_environment(address, root, Path(), Path(), "t", base, shims=shims)
    environ = {name: value for name, value in made.set.items() if name not in CA_VARIABLES}
    return subprocess.run(
        [node, *words], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_everything_but_this_machine_goes_to_the_proxy(node: str, proxy: Proxy) -> None:
    """fetch, https with any agent, and http ask it, with the credential of its address."""
    if reads(node):
        pytest.skip("this Node reads HTTPS_PROXY by itself, and most of it never meets the shim")
    done = run(node, proxy, "-e", ASK, f"http://127.0.0.1:{proxy.server_port}/")
    assert done.stderr == ""
    told = json.loads(done.stdout)
    refused = REFUSED.format("api.example:443")
    assert refused in told.pop("fetch")
    assert told == {
        **dict.fromkeys(("https", "agent", "none"), refused),
        "http": REFUSED.format("plain.example:8080"),
        "six": REFUSED.format("[2001:db8::1]:443"),
        "near": 204,
        "nearFetch": 204,
    }
    assert [target for target, _ in proxy.seen] == [
        *["api.example:443"] * 4,
        "plain.example:8080",
        "[2001:db8::1]:443",
    ]
    assert {pair for _, pair in proxy.seen} == {"a b:t:@/ é"}


def test_a_node_that_reads_proxies(node: str, proxy: Proxy, tmp_path: Path) -> None:
    """It is left alone, but for what does not ask it: agents of a program's own, and none."""
    options = {}
    if not reads(node):
        # As such a one looks to the shim: it knows the flag, and its global agents read.
        later = tmp_path / "later.cjs"
        later.write_text(LATER)
        options = {"NODE_OPTIONS": f"--require={later}"}
    done = run(node, proxy, "-e", ASK_NEAR, base=options)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    refused = REFUSED.format("127.0.0.2:1")
    assert {name for name, said in told.items() if refused in said} == {"agent", "none"}
    assert told.keys() == {"fetch", "https", "agent", "none"}


def test_a_path_with_blanks_is_loaded(node: str, proxy: Proxy, tmp_path: Path) -> None:
    """Node reads the word of NODE_OPTIONS as it is meant."""
    folder = tmp_path / 'two words "quoted"'
    folder.mkdir()
    shutil.copy(SHIMS / NODE_SHIM, folder)
    program = "console.log(Object.keys(require.cache).length)"
    done = run(node, proxy, "-e", program, shims=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= 1


def test_without_a_proxy_it_does_nothing(node: str) -> None:
    """Loaded with nothing to go to, it leaves Node as it is."""
    program = "console.log(require('https').Agent.prototype.createConnection.name)"
    words = [node, f"--require={SHIMS / NODE_SHIM}", "-e", program]
    plain = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={})
    assert done.stdout == plain.stdout
