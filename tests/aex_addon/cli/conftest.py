"""The command line as tests drive it: in this process, or as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aex_addon.cli.context import Context
from aex_addon.cli.main import cli
from aex_addon.home import Home
from ledger.commands import Admit, Commit, Quote, Refusal

ROOT = Path(__file__).resolve().parents[3]


class Aex:
    """`aex(...)` gives the result, having checked the exit code; `aex.json(...)` the document."""

    def __call__(self, *words: object, code: int = 0, text: str | None = None) -> Result:
        result = CliRunner().invoke(cli, [str(word) for word in words], input=text)
        assert result.exit_code == code, f"{words}: {result.output}{result.exception!r}"
        return result

    def json(self, *words: object, code: int = 0) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self(*words, "--json", code=code).stdout)


@pytest.fixture
def aex() -> Aex:
    """The command line in this process; each test has a home of its own."""
    return Aex()


@pytest.fixture
def home(aex_home: Path) -> Home:
    """The files that the commands of this test make."""
    return Home(aex_home)


@pytest.fixture
def context(home: Home) -> Context:
    """What commands work with, for tests of what lies below them."""
    return Context(os.environ)


@pytest.fixture
def shop(aex: Aex) -> str:
    """The token of an agent `shop` with $5.00."""
    return str(aex.json("agent", "create", "shop", "5.00", 60)["token"])


@pytest.fixture
def program() -> Callable[..., subprocess.Popen[str]]:
    """`program(...)` starts `aex` as a process; keywords go to Popen."""

    def start(*words: object, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        command = [sys.executable, "-m", "aex_addon.cli.main", *map(str, words)]
        return subprocess.Popen(command, cwd=ROOT, **options)

    return start


@pytest.fixture
def calls(context: Context, shop: str) -> list[str]:
    """Two calls of `shop`: one that cost 1200 nano-dollars, one that was denied."""
    from aex_addon.tokens import token_hash

    common = {
        "token_hash": token_hash(shop),
        "claimed_agent": None,
        "gateway": "gw_test",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "endpoint": "/v1/chat/completions",
        "fingerprint": "f" * 64,
        "quote": Quote(2_000),
        "input_tokens_max": 9,
        "metered": True,
    }
    usage = {"input_tokens": 3, "output_tokens": 4}
    with context.store() as store:
        store.one(Admit("ex_1", door="proxy", stream=True, **common))
        store.one(Commit("ex_1", 1_200, 200, usage, "provider", "exact"))
        refusal = Refusal(403, "model_unpriced", "No price\x1b[2J is known.")
        store.one(Admit("ex_2", door="base-url", stream=False, refusal=refusal, **common))
    return ["ex_1", "ex_2"]


class Answers(ThreadingHTTPServer):
    """Answers each GET with `status` and `body`."""

    status, body = 200, b'{"status": "ok"}'

    class Handler(BaseHTTPRequestHandler):
        """One answer."""

        def do_GET(self) -> None:
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *words: object) -> None:
            """Says nothing."""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """What looks like a gateway, at the address that AEX is configured to have."""
    with Answers(("127.0.0.1", 0), Answers.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("AEX_LISTEN", f"127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def authority(home: Home) -> Home:
    """A home with a CA, as the first start of a gateway makes it."""
    from datetime import UTC, datetime

    from certs import ca

    home.ensure()
    ca.ensure(home.ca_dir, ["api.openai.com"], datetime(2099, 1, 1, tzinfo=UTC))
    return home
