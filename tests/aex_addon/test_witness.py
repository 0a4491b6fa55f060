"""The witness gets the note as it was signed, and its silence has a reason in one line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aex_addon import witness
from aex_addon.witness import WitnessError, call_command, post

NOTE = "aex/l\n1\nroot ✓\n\n— aex/l sig\n"


class Server(ThreadingHTTPServer):
    """Keeps what was posted; answers with `status`."""

    status = 200
    got: tuple[str, str, bytes] | None = None

    class Handler(BaseHTTPRequestHandler):
        """One post."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.got = (self.path, self.headers["content-type"], body)
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A witness on this machine."""
    with Server(("127.0.0.1", 0), Server.Handler) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def test_a_command_gets_the_note(tmp_path: Path) -> None:
    """Its standard input is the note, byte by byte."""
    kept = tmp_path / "kept"
    code = f"import sys; open({str(kept)!r}, 'wb').write(sys.stdin.buffer.read())"
    call_command([sys.executable, "-c", code], NOTE)
    assert kept.read_bytes() == NOTE.encode()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('full')"], "exit code 1: full"),
        (["/no/such/program"], "cannot be run: No such file"),
    ],
)
def test_a_command_that_fails(command: list[str], told: str) -> None:
    """The reason is told, with what it said last."""
    with pytest.raises(WitnessError, match=told):
        call_command(command, NOTE)


def test_a_command_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended after a bounded time."""
    monkeypatch.setattr(witness, "_PATIENCE_S", 0.1)
    code = "import threading; threading.Event().wait()"
    with pytest.raises(WitnessError, match=r"took over 0\.1 s"):
        call_command([sys.executable, "-c", code], NOTE)


def test_an_address_gets_the_note(server: Server) -> None:
    """It is posted as plain text to the address with its query."""
    post(f"http://127.0.0.1:{server.server_port}/aex?log=1", NOTE)
    assert server.got == ("/aex?log=1", "text/plain; charset=utf-8", NOTE.encode())


def test_an_address_that_refuses(server: Server) -> None:
    """Its status is told; one where nobody listens is told too."""
    server.status = 503
    address = f"http://127.0.0.1:{server.server_port}/"
    with pytest.raises(WitnessError, match="answered 503"):
        post(address, NOTE)
    server.server_close()
    with pytest.raises(WitnessError, match="cannot be reached"):
        post("http://127.0.0.1:1/", NOTE)
