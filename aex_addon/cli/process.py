"""Which process is the gateway of a home, if any: the pid file held against what really runs.

Owns: the verdict `running`, `stale`, `unnamed` or `absent`, and the signals to a gateway.
Refuses to know: how a gateway starts or stops.

A pid alone proves nothing, for pids are used again. The process named by the file is a gateway
only while the home's lock is held and the process is older than the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from aex_addon.home import Home

# A file is written after its process started; clocks count in hundredths of a second or worse.
_SLACK_S = 2.0
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Gateway:
    """What was found. pid, listen and version are what the pid file says, if there is one.

    running: it serves this home. stale: the file names a gateway that is gone. absent: no gateway,
    no file. unnamed: the lock is held without a fitting file (it is starting, or is mitmdump).
    """

    state: Literal["running", "stale", "unnamed", "absent"]
    pid: int = 0
    started: str = ""
    listen: str = ""
    version: str = ""


def find(home: Home) -> Gateway:
    """Looks at the pid file, the lock and the process table; changes nothing."""
    held = is_locked(home.lock_file)
    try:
        said = json.loads(home.pid_file.read_text(encoding="utf-8"))
        named = Gateway(
            "running",
            int(said["pid"]),
            str(said["started"]),
            str(said["listen"]),
            str(said["version"]),
        )
        written = datetime.fromisoformat(named.started)
    except FileNotFoundError:
        return Gateway("unnamed" if held else "absent")
    except (ValueError, TypeError, KeyError):
        return Gateway("unnamed" if held else "stale")
    if held and is_same_process(named.pid, written):
        return named
    return Gateway("stale", named.pid, named.started, named.listen, named.version)


def is_locked(lock_file: Path) -> bool:
    """Whether some process holds the home."""
    try:
        with lock_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def is_same_process(pid: int, written: datetime) -> bool:
    """Whether the process with this id was there already when the pid file was written."""
    started = _started(pid)
    if started is None or written.tzinfo is None:
        return False
    return started <= written.timestamp() + _SLACK_S


def forget(home: Home) -> None:
    """Removes a pid file that names nobody."""
    home.pid_file.unlink(missing_ok=True)


def terminate(gateway: Gateway) -> None:
    """Asks it to stop: SIGTERM. One that has gone meanwhile has stopped."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(gateway.pid, signal.SIGTERM)


def hang_up(gateway: Gateway) -> None:
    """Asks it to look for wishes: SIGHUP. Raises ProcessLookupError if it has gone meanwhile."""
    os.kill(gateway.pid, signal.SIGHUP)


def reachable(listen: str) -> tuple[str, int]:
    """Where a client on this machine connects to reach a listener."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    return _WILDCARDS.get(host, host), int(port)


def _started(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None if there is none."""
    if pid <= 1:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/stat").read_text(encoding="utf-8").partition("\nbtime ")[2]
        # The name of the program, in parentheses, may hold anything; what follows is numbers.
        ticks = int(stat.rpartition(")")[2].split()[19])
        return int(boot.split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)


def _started_by_ps(pid: int) -> float | None:
    """For systems without /proc, such as macOS."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    environ = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
    try:
        answer = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)
        found = datetime.strptime(answer.stdout.strip(), "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return found.replace(tzinfo=UTC).timestamp()
