"""Starting the gateway as a process of its own, and watching it start and stop.

Owns: the child process, its log, the waiting. Refuses to know: what people are told.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from aex_addon.cli import process
from aex_addon.cli.context import Context
from aex_addon.cli.health import probe
from aex_addon.home import Home, HomeError, check_private

# Beyond drain_seconds: what settling and closing the ledger may take.
GRACE_S = 5

_START_S = 30.0
_LOOK_S = 0.05
_TAIL_LINES = 15
_PROGRAM = "from aex_addon.cli.main import main; main()"


def start(context: Context, listen: str | None) -> process.Gateway:
    """The gateway, once it answers. Raises HomeError with the end of its log if it does not."""
    home = context.home
    home.ensure()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    descriptor = os.open(home.log_file, flags, 0o600)
    try:
        check_private(home.log_file)
        size = os.fstat(descriptor).st_size
        child = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "up", *(("--listen", listen) if listen else ())],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=_environment(context),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    failure = _watch(home, child)
    found = process.find(home)
    if not failure and found.state == "running":
        return found
    _end(child)
    lines = (line.removeprefix("aex: ") for line in tail(home.log_file, _TAIL_LINES, size))
    reason = "\n".join(lines) or "its log is empty"
    raise HomeError(f"the gateway did not start: {failure}\n{reason}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leaves no gateway behind that nobody knows of."""
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _watch(home: Home, child: subprocess.Popen[bytes]) -> str:
    """Waits for /health at the address that the gateway really got; "" once it answers."""
    deadline = time.monotonic() + _START_S
    reason = "it does not answer"
    while time.monotonic() < deadline:
        if child.poll() is not None:
            return f"it ended with exit code {child.returncode}; the end of its log:"
        # Looking at the lock before there is a file could keep the gateway itself from taking it.
        found = process.find(home) if home.pid_file.exists() else None
        if found and found.state == "running" and found.pid == child.pid:
            health = probe(*process.reachable(found.listen))
            if health.ok:
                return ""
            reason = health.reason
        time.sleep(_LOOK_S)
    return f"{reason} after {_START_S:.0f} s; the end of its log:"


def _environment(context: Context) -> dict[str, str]:
    """The user's, with the checkout on the path where AEX is not installed."""
    environ = dict(context.environ)
    root = Path(__file__).resolve().parent.parent.parent
    if (root / "pyproject.toml").exists():
        environ["PYTHONPATH"] = os.pathsep.join(
            part for part in (str(root), environ.get("PYTHONPATH", "")) if part
        )
    return environ | {"AEX_HOME": str(context.home.path)}


def wait_until_free(home: Home, seconds: float) -> bool:
    """Whether the home's lock was let go in time: all is settled then, and the ledger closed."""
    deadline = time.monotonic() + seconds
    while process.is_locked(home.lock_file):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def tail(path: Path, lines: int, start_at: int = 0) -> list[str]:
    """The last lines of a file, none from before byte `start_at`."""
    with path.open("rb") as file:
        file.seek(start_at)
        found = deque(file, maxlen=lines)
    return [line.decode("utf-8", "replace").rstrip("\n") for line in found]


def follow(path: Path, tell: Callable[[str], None]) -> None:
    """Tells each new line until interrupted; begins again if the file is cut or replaced."""
    file = path.open("rb")
    try:
        file.seek(0, os.SEEK_END)
        pending = b""
        while True:
            pending += file.readline()
            if pending.endswith(b"\n"):
                tell(pending.decode("utf-8", "replace").rstrip("\n"))
                pending = b""
                continue
            time.sleep(0.2)
            if path.exists() and not _same(file.fileno(), path, file.tell()):
                file.close()
                file = path.open("rb")
    except KeyboardInterrupt:
        return
    finally:
        file.close()


def _same(descriptor: int, path: Path, position: int) -> bool:
    opened, named = os.fstat(descriptor), path.stat()
    return opened.st_ino == named.st_ino and named.st_size >= position
