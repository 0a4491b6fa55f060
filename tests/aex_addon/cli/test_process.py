"""Which process is the gateway: a pid alone proves nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aex_addon.cli import process
from aex_addon.home import Home
from ledger.clock import KernelClock


def now() -> datetime:
    """The time."""
    return datetime.fromtimestamp(KernelClock()() / 1e9, UTC)


def write(home: Home, pid: int, started: datetime, **more: Any) -> None:
    """A pid file as a gateway writes it."""
    content = {"pid": pid, "started": started.isoformat(), "listen": "127.0.0.1:9", "version": "3"}
    home.pid_file.write_text(json.dumps(content | more))


@pytest.fixture
def home(home: Home) -> Home:
    """A home that is there."""
    home.ensure()
    return home


@pytest.fixture
def held(home: Home) -> Iterator[None]:
    """The home's lock is held, as a gateway holds it."""
    with home.lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with AEX."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


def test_nothing_there(home: Home) -> None:
    """Without file and lock no gateway runs."""
    assert process.find(home).state == "absent"
    home.lock_file.touch()
    assert process.find(home).state == "absent"


@pytest.mark.usefixtures("held")
def test_a_running_gateway_is_known(home: Home) -> None:
    """Lock, pid and start time fit: the file is believed."""
    write(home, os.getpid(), now())
    found = process.find(home)
    assert (found.state, found.pid, found.listen) == ("running", os.getpid(), "127.0.0.1:9")


def test_without_the_lock_a_file_is_stale(home: Home) -> None:
    """A process with that pid proves nothing while nobody holds the home."""
    write(home, os.getpid(), now())
    assert process.find(home).state == "stale"


@pytest.mark.usefixtures("held")
def test_a_pid_used_again_is_stale(home: Home, foreign: subprocess.Popen[bytes]) -> None:
    """A process that is younger than the file is another one, though its pid is the same."""
    write(home, foreign.pid, now() - timedelta(hours=1))
    assert process.find(home).state == "stale"
    foreign.kill()
    foreign.wait()
    write(home, foreign.pid, now())
    assert process.find(home).state == "stale"


@pytest.mark.parametrize(
    "content",
    ["", "1234", "{}", "[]", '{"pid": "x", "started": "now", "listen": "", "version": ""}'],
)
@pytest.mark.parametrize("locked", [True, False])
def test_a_damaged_file_names_nobody(
    request: pytest.FixtureRequest, home: Home, content: str, locked: bool
) -> None:
    """What cannot be read is stale, or somebody unnamed where the lock is held."""
    if locked:
        request.getfixturevalue("held")
    home.pid_file.write_text(content)
    assert process.find(home).state == ("unnamed" if locked else "stale")


@pytest.mark.parametrize("pid", [0, 1, -1, 2**22 + 1])
@pytest.mark.usefixtures("held")
def test_special_pids_are_never_a_gateway(home: Home, pid: int) -> None:
    """Neither a process group nor init is ever taken for a gateway."""
    write(home, pid, now())
    assert process.find(home).state == "stale"


def test_both_ways_to_ask_for_a_start_time_agree() -> None:
    """/proc and ps say the same, to the second or so."""
    one, other = process._started(os.getpid()), process._started_by_ps(os.getpid())
    if one is None or other is None:
        pytest.skip("this system has only one of them")
    assert abs(one - other) < 2.5


def test_hanging_up(foreign: subprocess.Popen[bytes]) -> None:
    """A gateway gets SIGHUP; that one is gone is told."""
    gateway = process.Gateway("running", foreign.pid)
    process.hang_up(gateway)
    assert foreign.wait() == -signal.SIGHUP
    with pytest.raises(ProcessLookupError):
        process.hang_up(gateway)


def test_forgetting_and_ending(home: Home, foreign: subprocess.Popen[bytes]) -> None:
    """A stale file goes without harm; a gateway gets SIGTERM, one that is gone gets nothing."""
    write(home, foreign.pid, now())
    process.forget(home)
    process.forget(home)
    assert foreign.poll() is None
    gateway = process.Gateway("running", foreign.pid)
    process.terminate(gateway)
    assert foreign.wait() == -signal.SIGTERM
    process.terminate(gateway)


@pytest.mark.parametrize(
    ("listen", "reached"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:1", ("127.0.0.1", 1)),
        ("[::]:2", ("::1", 2)),
        ("::1:3", ("::1", 3)),
    ],
)
def test_where_a_listener_is_reached(listen: str, reached: tuple[str, int]) -> None:
    """A wildcard is reached on loopback."""
    assert process.reachable(listen) == reached
