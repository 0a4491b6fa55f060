"""A jail has one way out: a real one, in real namespaces."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from aex_addon.around.jail import Jail
from aex_addon.around.seen import Attempt, Attempts

pytestmark = pytest.mark.usefixtures("jails")

TRY = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
try:
    with socket.create_connection((host, port), 20) as connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        print(connection.recv(99).decode() or "ended")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def gateway() -> Iterator[tuple[str, int]]:
    """What says each thing back, and that it was there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard = connection.makefile("rb").read()
                    connection.sendall(b"gateway heard " + heard)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)


def jailed(
    gateway: tuple[str, int], *command: str, targets: dict[str, str] | None = None
) -> tuple[str, int, list[Attempt]]:
    """What a command says in a jail, its exit code, and what was noticed."""
    told: list[Attempt] = []
    with Jail(gateway, b"x", lambda: targets or {}, Attempts(told.append)) as jail:
        words = jail.command(command)
        done = subprocess.run(
            words, stdout=subprocess.PIPE, text=True, check=False, timeout=60, close_fds=False
        )
    assert jail.failure == ""
    return done.stdout.strip(), done.returncode, told


def attempt(gateway: tuple[str, int], host: str, port: int, **options: dict[str, str]) -> object:
    """What comes of a connection to a place, and who is said to have gone where."""
    words = (sys.executable, "-c", TRY, host, str(port))
    said, code, told = jailed(gateway, *words, **options)
    assert code == 0
    assert all(one.program.startswith("python") and one.blocked for one in told)
    return said, [(one.host, one.port) for one in told]


def test_the_gateway_is_where_it_is_outside(gateway: tuple[str, int]) -> None:
    """Its own address leads to it, both ways, and is no way around."""
    assert attempt(gateway, *gateway) == ("gateway heard hello", [])


def test_everything_else_leads_nowhere(gateway: tuple[str, int]) -> None:
    """Names, addresses and ports: cut off or refused; what looked like the web is told."""
    with socket.create_server(("127.0.0.1", 0)) as beside:
        refused = attempt(gateway, *beside.getsockname())
        assert refused == ("ConnectionRefusedError", [])
    said, told = attempt(gateway, "192.0.2.1", 443)  # type: ignore[misc]
    assert said in {"ConnectionResetError", "BrokenPipeError", "ended"}
    assert told == [("192.0.2.1", 443)]
    known = {"192.0.2.1": "api.openai.com"}
    assert attempt(gateway, "192.0.2.1", 80, targets=known)[1] == [  # type: ignore[index]
        ("api.openai.com", 80)
    ]


def test_the_command_is_the_process_that_was_started(gateway: tuple[str, int]) -> None:
    """Its process id, its user, its descriptors and its exit code are what they would be."""
    here = f"{os.getuid()} {os.getgid()}"
    shell = "echo $(id -u) $(id -g) $$ $(ls /proc/$$/fd | grep -c socket); exit 7"
    told: list[Attempt] = []
    with Jail(gateway, b"x", dict, Attempts(told.append)) as jail:
        words = jail.command(("sh", "-c", shell))
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, close_fds=False) as child:
            said, _ = child.communicate(timeout=60)
    assert (said.strip(), child.returncode) == (f"{here} {child.pid} 0", 7)


def test_a_command_that_ends_at_once_holds_nothing_up(gateway: tuple[str, int]) -> None:
    """Neither one that is not there, nor one that was never started."""
    assert jailed(gateway, "./no-such-command")[1] == 127
    with Jail(gateway, b"x", dict, Attempts(lambda _: None)) as jail:
        assert jail.command(("true",))
    assert jail.failure == ""
