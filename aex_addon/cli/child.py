"""A child process that its caller cannot tell from one that they started themselves.

Owns: signals, the terminal, exit codes. Refuses to know: agents and tokens.

The child stays in this process's group, so it owns the terminal like any command, and Ctrl-Z
works. A key pressed there reaches the child from the terminal; what is sent to this process alone
is handed on.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

NOT_EXECUTABLE = 126
NOT_FOUND = 127

_FROM_KEYS = (signal.SIGINT, signal.SIGQUIT)
_HANDED_ON: tuple[int, ...] = (
    *_FROM_KEYS,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class Child:
    """One command, run to its end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self, command: Sequence[str], environ: Mapping[str, str], umask: int) -> int:
        """The exit code: the child's own, or 128 + n if signal n ended it.

        Raises FileNotFoundError or another OSError where the command cannot be started.
        """
        before = {number: signal.getsignal(number) for number in _HANDED_ON}
        # One that is ignored stays so, for the child too: that is how nohup works. The others get
        # a handler, which unlike "ignore" is not inherited.
        caught = [number for number in _HANDED_ON if before[number] is not signal.SIG_IGN]
        for number in caught:
            signal.signal(number, self._hand_on)
        try:
            with _signals() as heard:
                # Files that the caller opened for the child stay open; Python's own are closed
                # anyway.
                self._process = process = subprocess.Popen(
                    command, env=dict(environ), umask=umask, close_fds=False
                )
                for number in self._early:
                    process.send_signal(number)
                while (code := process.poll()) is None:
                    select.select([heard], [], [])
                    os.read(heard, 4096)
        finally:
            for number in caught:
                signal.signal(number, before[number])
        return 128 - code if code < 0 else code

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        if number in _FROM_KEYS and _in_foreground():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that can be read once a signal has come, the end of a child among them.

    The kernel may give a signal to another thread, which wakes nobody who waits for a child here;
    Python's handlers, which are this thread's, would run only after that.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    ended = signal.signal(signal.SIGCHLD, lambda *_: None)
    earlier = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        yield heard
    finally:
        signal.set_wakeup_fd(earlier)
        signal.signal(signal.SIGCHLD, ended)
        os.close(heard)
        os.close(told)


def _in_foreground() -> bool:
    """Whether this group has a terminal, whose keys the child receives itself."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
