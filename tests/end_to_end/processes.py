"""Child processes of the tests: a clean environment, a log each, and waits with a deadline.

Owns: starting, stopping and killing what it started, and nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0


def poll[T](probe: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """The first truthy answer of the probe; fails with `what` after the deadline."""
    end = time.monotonic() + deadline
    while not (answer := probe()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what} (last answer: {answer!r})")
        time.sleep(0.01)
    return answer


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Only what a program needs to run: no proxy, no certificate, no key of the machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **extra}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process with its output in a file."""

    def __init__(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=clean_environment(environment),
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def first_line(self) -> str:
        """The first line of output, waited for."""

        def probe() -> str:
            assert self.alive, self.output()
            first, newline, _ = self.output().partition("\n")
            return first if newline else ""

        return poll(probe, "a first line of output")

    def stop(self, deadline: float = 40.0) -> int:
        """SIGTERM, and the exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {deadline:g} s:\n{self.output()}") from None

    def kill(self) -> None:
        """SIGKILL: no clean-up of any kind."""
        if self.alive:
            self.process.kill()
        self.process.wait()
