"""A child process: exit codes, signals, the terminal, open files."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aex_addon.cli.child import Child
from tests.aex_addon.cli.conftest import ROOT

# Runs a child as `aex run` does, and ends with its code.
PROGRAM = """
import os, sys
from aex_addon.cli.child import Child
sys.exit(Child().run(sys.argv[1:], os.environ, 0o022))
"""
# Says when it is ready, and each signal that it gets; the second ends it.
LISTENER = """
import signal, sys, time
seen = []
def note(number, frame):
    seen.append(number)
    print(signal.Signals(number).name, flush=True)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"):
    signal.signal(getattr(signal, name), note)
print("ready", flush=True)
deadline = time.monotonic() + 10
while time.monotonic() < deadline and signal.SIGUSR1 not in seen:
    time.sleep(0.01)
sys.exit(40 + len(seen))
"""


def run(*command: str, umask: int = 0o022) -> int:
    """The exit code of a child of this process."""
    return Child().run(command, os.environ, umask)


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_the_childs(code: int) -> None:
    """Every code comes through."""
    assert run("sh", "-c", f"exit {code}") == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_signal_is_128_and_its_number(number: int) -> None:
    """A child that a signal ended gives what shells give."""
    assert run("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$") == 128 + number


def test_what_cannot_start_raises(tmp_path: Path) -> None:
    """Not found and not executable are told apart, and handlers are put back."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(FileNotFoundError):
        run(str(tmp_path / "none"))
    (tmp_path / "plain").touch()
    with pytest.raises(PermissionError):
        run(str(tmp_path / "plain"))
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_users_umask_comes_back(tmp_path: Path) -> None:
    """The child makes files as its user is used to, not as AEX does."""
    assert run("sh", "-c", f"umask > {tmp_path}/umask", umask=0o027) == 0
    assert int((tmp_path / "umask").read_text(), 8) == 0o027


def test_files_opened_for_the_child_stay_open() -> None:
    """A descriptor that the caller passes on is there, as in `cmd <(other)`."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        assert run(sys.executable, "-c", f"import os; os.write({writing}, b'hello')") == 0
        assert os.read(reading, 100) == b"hello"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"])
def test_signals_are_handed_on(name: str) -> None:
    """What is sent to the parent alone reaches the child once, and the parent waits for it."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, sys.executable, "-c", LISTENER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(getattr(signal, name))
        assert parent.stdout.readline() == f"{name}\n"
        parent.send_signal(signal.SIGUSR1)
        assert parent.stdout.readline() == "SIGUSR1\n"
        assert parent.wait() == 42


def test_an_ignored_signal_stays_ignored() -> None:
    """Under nohup a hang-up ends neither the parent nor the child."""
    script = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + PROGRAM
    command = [sys.executable, "-c", script, "sh", "-c", "kill -HUP $$ $PPID; exit 3"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 3


def in_terminal(*command: str) -> tuple[int, int]:
    """Starts a command on a terminal of its own; its pid and our end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, *command])
    return pid, terminal


def read_until(terminal: int, word: bytes) -> bytes:
    """What the terminal shows, up to a word."""
    seen = b""
    deadline = time.monotonic() + 10
    while word not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 1024)
    return seen


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_key_reaches_the_child_once() -> None:
    """Ctrl-C on the terminal is one SIGINT for the child; the parent survives and waits."""
    pid, terminal = in_terminal(sys.executable, "-c", LISTENER)
    try:
        read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        read_until(terminal, b"SIGINT")
        os.kill(pid, signal.SIGUSR1)
        assert b"SIGINT" not in read_until(terminal, b"SIGUSR1")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
    finally:
        os.close(terminal)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_the_child_has_the_terminal() -> None:
    """All three streams are the terminal, and the child is in its foreground group."""
    script = (
        "import os, sys; print(all(os.isatty(n) for n in (0, 1, 2)),"
        " os.tcgetpgrp(0) == os.getpgrp(), input()[::-1], flush=True)"
    )
    pid, terminal = in_terminal(sys.executable, "-c", script)
    try:
        os.write(terminal, b"abc\n")
        assert b"True True cba" in read_until(terminal, b"cba")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)


def test_a_signal_that_another_thread_gets_is_handed_on() -> None:
    """The kernel gives a signal to any thread that does not block it, and the child gets it all the
    same."""
    elsewhere = """
import os, signal, sys, threading
from aex_addon.cli.child import Child
child = Child()
def get_it():
    asleep = 0
    # Each look lets the other thread go on, so one that is asleep at all of them waits.
    while asleep < 200:
        state = open(f"/proc/self/task/{os.getpid()}/stat").read().rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" and child._process else 0
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Thread(target=get_it, daemon=True).start()
sys.exit(child.run(["sleep", "20"], os.environ, 0o022))
"""
    ended = subprocess.run([sys.executable, "-c", elsewhere], cwd=ROOT, timeout=15, check=False)
    assert ended.returncode == 128 + signal.SIGTERM
