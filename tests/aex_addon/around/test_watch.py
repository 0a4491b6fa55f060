"""Direct connections are noticed: real ones, of real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aex_addon.around.seen import Attempt, Attempts
from aex_addon.around.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this /proc")

CONNECT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.read()
"""


@contextmanager
def connected(address: str, port: int) -> Iterator[None]:
    """A process that holds a connection."""
    words = [sys.executable, "-c", CONNECT, address, str(port)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "connected\n"
        yield
        child.communicate()


def watch(told: list[Attempt], gateway: tuple[str, int], root: int | None = None) -> Watch:
    """A watch for one host, which stands at 127.0.0.9."""
    targets = {"127.0.0.9": "api.example"}
    return Watch(root or os.getpid(), b"x", gateway, lambda: targets, Attempts(told.append))


@pytest.fixture
def port() -> Iterator[int]:
    """Something that listens there, and accepts nobody."""
    with socket.create_server(("127.0.0.9", 0)) as server:
        yield server.getsockname()[1]


def test_a_connection_to_a_governed_host_is_told_once(port: int) -> None:
    """With host, address, port and program; a second look finds nothing new."""
    told: list[Attempt] = []
    looking = watch(told, ("127.0.0.1", 9000))
    with connected("127.0.0.9", port):
        looking.look()
        looking.look()
    (attempt,) = told
    assert (attempt.host, attempt.address, attempt.port) == ("api.example", "127.0.0.9", port)
    assert attempt.program.startswith("python")
    assert not attempt.blocked


def test_the_gateway_is_no_way_around(port: int) -> None:
    """A governed host that stands where AEX does is reached through AEX."""
    told: list[Attempt] = []
    with connected("127.0.0.9", port):
        watch(told, ("127.0.0.9", port)).look()
    assert told == []


def test_others_are_not_watched(port: int) -> None:
    """Connections of processes beside the run, of this one too, are nobody's business."""
    told: list[Attempt] = []
    with (
        subprocess.Popen(["sleep", "60"]) as stranger,
        socket.create_connection(("127.0.0.9", port)),
        connected("127.0.0.9", port),
    ):
        watch(told, ("127.0.0.1", 9000), stranger.pid).look()
        stranger.kill()
    assert told == []


def test_a_process_in_the_background_is_still_watched(port: int) -> None:
    """One that has lost its parent is known by its environment."""
    told: list[Attempt] = []
    program = f"exec {sys.executable} -c '{CONNECT}' 127.0.0.9 {port}"
    words = ["sh", "-c", f"({program} <&3 &) 3<&0"]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "AEX_TOKEN": "mine"},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "connected\n"
        with subprocess.Popen(["sleep", "60"]) as root:
            attempts = Attempts(told.append)
            mark, targets = b"AEX_TOKEN=mine", {"127.0.0.9": "api.example"}
            Watch(root.pid, mark, ("127.0.0.1", 9000), lambda: targets, attempts).look()
            root.kill()
        child.communicate()
    assert len(told) == 1


def test_it_looks_by_itself(port: int) -> None:
    """Once started it needs nobody, until it is stopped."""
    told = threading.Event()
    attempts = Attempts(lambda _: told.set())
    targets = {"127.0.0.9": "api.example"}
    looking = Watch(os.getpid(), b"x", ("127.0.0.1", 9000), lambda: targets, attempts)
    looking.start()
    with connected("127.0.0.9", port):
        assert told.wait(30)
    looking.stop()
    assert "api.example" in attempts.sentence()
