"""What `aex run` has around its command: ways around AEX are told, or closed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aex_addon.around import inside
from aex_addon.cli.context import Context
from aex_addon.cli.run_guard import Guard
from aex_addon.home import Home
from ledger.events import BYPASS_SEEN
from tests.aex_addon.cli.conftest import Aex, Answers

CONNECT = "import socket; socket.create_connection(('127.0.0.9', {port})).recv(1)"


@pytest.fixture(autouse=True)
def ready(answers: Answers, authority: Home, shop: str) -> None:
    """An agent, a CA, and something that answers /health."""


def told(context: Context) -> list[dict[str, object]]:
    """What the ledger says of ways around AEX."""
    with context.reader() as reader:
        return [logged.event.data() for logged in reader.log(0, None, BYPASS_SEEN)]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Stands in for api.openai.com at 127.0.0.9: holds a connection until it has been told."""
    seen, note = threading.Event(), Guard._note

    def noted(guard: Guard, attempt: object) -> None:
        note(guard, attempt)  # type: ignore[arg-type]
        seen.set()

    addresses = {"api.openai.com": ["127.0.0.9"]}
    monkeypatch.setattr(Guard, "_note", noted)
    monkeypatch.setattr(
        "aex_addon.around.resolved.addresses_of", lambda host: addresses.get(host, [])
    )
    with socket.create_server(("127.0.0.9", 0)) as server:
        server.settimeout(30)

        def hold() -> None:
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                with connection:
                    seen.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")
def test_a_direct_connection_is_told(aex: Aex, context: Context, provider: int) -> None:
    """In the last line, and in the ledger as an event with its actor; the run goes on."""
    program = CONNECT.format(port=provider)
    done = aex("run", "--", sys.executable, "-c", program)
    assert "; went around AEX: python" in done.stderr
    assert done.stderr.endswith(" to api.openai.com\n")
    (event,) = told(context)
    assert (event["host"], event["address"]) == ("api.openai.com", "127.0.0.9")
    assert (event["port"], event["blocked"]) == (provider, False)
    assert str(event["actor"]).startswith("cli:")
    assert str(event["run"]).startswith("tok_")
    aex("audit")


@pytest.mark.usefixtures("jails")
def test_a_jail_reaches_nothing_and_tells(
    context: Context, program: Callable[..., subprocess.Popen[str]]
) -> None:
    """curl, told to use no proxy, is cut off; that it tried stands in the books."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this machine")
    words = (curl, "-sS", "--noproxy", "*", "--max-time", "30", "https://api.openai.com")
    done = program("run", "--jail", "--", *words)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out) == (35, "")
    assert err.endswith("; kept from going around AEX: curl to api.openai.com\n")
    (event,) = told(context)
    assert (event["host"], event["port"]) == ("api.openai.com", 443)
    assert (event["program"], event["blocked"]) == ("curl", True)


@pytest.mark.usefixtures("jails")
def test_aex_itself_is_reached_from_a_jail(
    answers: Answers, program: Callable[..., subprocess.Popen[str]]
) -> None:
    """At the address that it has outside, by the variables that are set as ever."""
    fetch = "import os, urllib.request as u;"
    fetch += "print(u.urlopen(os.environ['AEX_BASE_URL'] + '/health').read().decode())"
    done = program("run", "--jail", "--quiet", "--", sys.executable, "-c", fetch)
    assert done.communicate(timeout=60) == (answers.body.decode() + "\n", "")


def test_a_jail_that_cannot_be_is_refused(
    aex: Aex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the kernel forbids it nothing is run, and the line says what to change."""
    stub = tmp_path / "inside.py"
    refuse = "import os, runpy\ndef refuse(_): raise OSError(1, 'Operation not permitted')\n"
    run = f"os.unshare = refuse\nrunpy.run_path({inside.__file__!r}, run_name='__main__')\n"
    stub.write_text(refuse + run)
    monkeypatch.setattr(inside, "__file__", str(stub))
    mark = tmp_path / "ran"
    if sys.platform == "linux":
        refused = aex("run", "--jail", "--", "touch", mark, code=1).stderr
        assert "(Operation not permitted)" in refused
        assert "sysctl" in refused
        assert "revoked" in str(aex.json("agent", "inspect", "shop")["tokens"])
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "only Linux" in aex("run", "--jail", "--", "touch", mark, code=1).stderr
    assert not mark.exists()
