"""`aex daemon …` with the real gateway."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest

from aex_addon.cli.health import probe
from aex_addon.cli.process import find, reachable
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.cli.test_process import now, write


@pytest.fixture(autouse=True)
def any_port(monkeypatch: pytest.MonkeyPatch, aex: Aex, home: Home) -> Iterator[None]:
    """Each gateway chooses its port, and none outlives its test."""
    monkeypatch.setenv("AEX_LISTEN", "127.0.0.1:0")
    yield
    if find(home).state == "running":
        aex("daemon", "stop")


def test_a_gateways_life(
    aex: Aex, home: Home, program: Callable[..., subprocess.Popen[str]]
) -> None:
    """Start returns once it serves, a second start harms nothing, stop leaves nothing behind."""
    started = program("daemon", "start").communicate(timeout=60)[0]
    found = find(home)
    assert started == f"AEX serves on http://{found.listen} (pid {found.pid})\n"
    assert probe(*reachable(found.listen)).ok
    assert "runs already" in aex("daemon", "start").stdout
    assert find(home).pid == found.pid

    shape = aex.json("daemon", "status")
    assert (shape["running"], shape["healthy"], shape["pid"]) == (True, True, found.pid)
    assert "AEX serves on" in aex("daemon", "logs").stdout
    assert aex("daemon", "logs", "-n", 1).stdout.count("\n") == 1

    restarted = program("daemon", "restart").communicate(timeout=60)[0]
    assert f"stopped the gateway (pid {found.pid})" in restarted
    again = find(home)
    assert again.pid != found.pid

    assert aex("daemon", "stop").stdout == f"stopped the gateway (pid {again.pid})\n"
    assert not home.pid_file.exists()
    assert not probe(*reachable(again.listen)).ok
    assert aex.json("daemon", "status", code=3)["running"] is False
    assert aex("daemon", "stop").stdout == "no gateway runs\n"
    aex("audit")


def test_a_life_in_json(
    aex: Aex, home: Home, program: Callable[..., subprocess.Popen[str]]
) -> None:
    """Each command prints one document that says what became of the gateway."""
    started = json.loads(program("daemon", "start", "--json").communicate(timeout=60)[0])
    assert (started["running"], started["pid"]) == (True, find(home).pid)
    restarted = json.loads(program("daemon", "restart", "--json").communicate(timeout=60)[0])
    assert restarted["running"]
    assert restarted["pid"] != started["pid"]
    assert any("AEX serves on" in line for line in aex.json("daemon", "logs"))
    assert "no end" in aex("daemon", "logs", "-f", "--json", code=2).stderr
    assert aex.json("daemon", "stop") == {"stopped": True, "pid": restarted["pid"]}
    assert aex.json("daemon", "stop") == {"stopped": False, "pid": None}


def test_a_port_in_use_is_told_with_the_reason(aex: Aex, home: Home) -> None:
    """The reason comes from the gateway itself, exit code 1, and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = aex("daemon", "start", "--listen", listen, code=1).stderr
    assert f"\naex: cannot listen on {listen}: Address already in use. " in refused
    assert find(home).state == "absent"


def test_a_stale_pid_file_harms_nobody(aex: Aex, home: Home) -> None:
    """A file that names a foreign process is removed, and the process goes on."""
    home.ensure()
    write(home, os.getpid(), now())
    stopped = aex("daemon", "stop")
    assert f"stale pid file of process {os.getpid()}" in stopped.stderr
    assert stopped.stdout == "no gateway runs\n"
    assert not home.pid_file.exists()
    home.pid_file.write_text(json.dumps("damaged"))
    assert "(damaged)" in aex("daemon", "stop").stderr


@pytest.mark.parametrize("command", ["start", "stop", "restart"])
def test_a_home_in_use_by_another_is_left_alone(aex: Aex, home: Home, command: str) -> None:
    """Where the lock is held by somebody unnamed, nothing is started and nothing is ended."""
    import fcntl

    home.ensure()
    with home.lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "in use by a gateway" in aex("daemon", command, code=1).stderr
    assert aex("daemon", "status", code=3)


def test_a_broken_configuration_is_told_at_once(aex: Aex, home: Home) -> None:
    """The mistake stands on the terminal, not in a log."""
    home.ensure()
    home.config.write_text("lisen = 1")
    assert "aex.toml:1: unknown key 'lisen'" in aex("daemon", "start", code=1).stderr
    assert not home.log_file.exists()


def test_no_log_yet(aex: Aex) -> None:
    """Where nothing was ever started there is no log."""
    assert "no log yet" in aex("daemon", "logs", code=1).stderr
