"""`aex agent delegate`, against a server that answers as a gateway would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from aex_addon.home import Home
from aex_addon.tokens import mint
from tests.aex_addon.cli.conftest import Aex

MINE, MADE = mint(), mint()
ANSWER = {
    "token": MADE.secret,
    "name": "shop/sub-1",
    "budget_nanousd": 1_500_000_000,
    "expires_at": 1_700_000_000_123_456_789,
    "token_id": MADE.token_id,
}


class Endpoint(ThreadingHTTPServer):
    """Keeps each request and answers it with `status`, `headers` and `body`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.status, self.headers = 200, dict[str, str]()
        self.body = json.dumps(ANSWER).encode()
        self.seen: list[tuple[str, str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        """One answer."""

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            self.answer(b"null")

        def answer(self, content: bytes) -> None:
            """Whatever the server was told to say."""
            authority = self.headers.get("Authorization", "")
            seen = (self.command, self.path, authority, json.loads(content))
            self.server.seen.append(seen)
            self.send_response(self.server.status)
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *words: object) -> None:
            """Says nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """The gateway that AEX_BASE_URL names, for an agent whose other calls go through a proxy."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("AEX_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AEX_TOKEN", MINE.secret)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        yield server
        server.shutdown()
        thread.join()


def test_it_asks_as_the_agent(aex: Aex, endpoint: Endpoint, home: Home) -> None:
    """One POST with the agent's token, past every proxy, without touching the home."""
    words = ("--budget", "1.5", "--name", "sub-1", "--ttl", "1h", "--rpm", 10, "--no-tools")
    made = aex.json("agent", "delegate", *words)
    asked: dict[str, Any] = {"budget_usd": "1.50", "name": "sub-1", "ttl_seconds": 3600, "rpm": 10}
    asked["caps"] = {"tools": False}
    assert endpoint.seen == [("POST", "/v1/aex/tokens", f"Bearer {MINE.secret}", asked)]
    expires_at = "2023-11-14T22:13:20.123456789Z"
    assert made == ANSWER | {"budget_usd": "1.50", "expires_at": expires_at}
    assert not home.path.exists()


def test_what_is_not_said_is_null(aex: Aex, endpoint: Endpoint) -> None:
    """The gateway chooses what the agent leaves open, and people read what it chose."""
    result = aex("agent", "delegate", "--budget", 2)
    asked = {"budget_usd": "2.00", "name": None, "ttl_seconds": None, "rpm": None, "caps": None}
    assert endpoint.seen[0][3] == asked
    assert "shop/sub-1\n" in result.stdout
    assert MADE.secret in result.stdout
    assert "shown this once" in result.stderr


def test_a_token_without_an_end(aex: Aex, endpoint: Endpoint) -> None:
    """Where it ends only with the agent, that is null, or never."""
    endpoint.body = json.dumps(ANSWER | {"expires_at": 0}).encode()
    assert aex.json("agent", "delegate", "--budget", 2)["expires_at"] is None
    assert "never" in aex("agent", "delegate", "--budget", 2).stdout


def test_a_refusal_is_shown(aex: Aex, endpoint: Endpoint) -> None:
    """The gateway's message is the one line, without control characters and tokens."""
    message = f"the run's budget is above what is left, $0.10\x1b[2J {MINE.secret}"
    endpoint.status, endpoint.body = 403, json.dumps({"error": {"message": message}}).encode()
    refused = aex("agent", "delegate", "--budget", 2, "--json", code=1)
    assert refused.stdout == ""
    assert refused.stderr == ("aex: the run's budget is above what is left, $0.10?[2J [token]\n")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<h1>no</h1>"),
        (200, b"[]"),
        (200, b'{"token": "t"}'),
        (200, json.dumps(ANSWER | {"budget_nanousd": "many"}).encode()),
        (500, b'{"error": "x"}'),
        (201, json.dumps(ANSWER).encode()),
    ],
)
def test_an_answer_of_another_kind(aex: Aex, endpoint: Endpoint, status: int, body: bytes) -> None:
    """What is no answer of a gateway is one line with its status."""
    endpoint.status, endpoint.body = status, body
    refused = aex("agent", "delegate", "--budget", 2, code=1).stderr
    assert refused.count("\n") == 1
    assert f"gave no token (status {status})" in refused


def test_the_token_follows_no_redirect(aex: Aex, endpoint: Endpoint) -> None:
    """A redirect is an answer like any other; nothing is sent where it points."""
    endpoint.status, endpoint.headers = 302, {"Location": "/elsewhere"}
    assert "(status 302)" in aex("agent", "delegate", "--budget", 2, code=1).stderr
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize("variable", ["AEX_TOKEN", "AEX_BASE_URL"])
def test_outside_of_a_run(
    aex: Aex, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Without the agent's variables there is nobody to ask and nobody who asks."""
    monkeypatch.delenv(variable)
    refused = aex("agent", "delegate", "--budget", 2, code=1).stderr
    assert refused.startswith(f"aex: {variable} is not set")
    assert "`aex run" in refused
    assert endpoint.seen == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1:1", "no gateway answers at http://127.0.0.1:1 ("),
        ("http://127.0.0.1:port", "no gateway answers at http://127.0.0.1:port ("),
        ("file:///etc", "no address of a gateway: 'file:///etc'"),
    ],
)
def test_no_gateway(aex: Aex, monkeypatch: pytest.MonkeyPatch, address: str, sentence: str) -> None:
    """An address where nobody answers, or that is none, is one line."""
    monkeypatch.setenv("AEX_TOKEN", MINE.secret)
    monkeypatch.setenv("AEX_BASE_URL", address)
    assert sentence in aex("agent", "delegate", "--budget", 2, code=1).stderr


def test_a_budget_is_needed(aex: Aex, endpoint: Endpoint) -> None:
    """Nothing is handed on by chance, and no odd amount either."""
    assert "--budget" in aex("agent", "delegate", code=2).stderr
    aex("agent", "delegate", "--budget", "-1", code=2)
    aex("agent", "delegate", "--budget", 1, "--ttl", "soon", code=2)
    assert endpoint.seen == []
