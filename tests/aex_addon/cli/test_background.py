"""Watching a log, and a process that does not start."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aex_addon.cli import background
from aex_addon.cli.context import Context
from aex_addon.home import HomeError
from tests.aex_addon.cli.conftest import ROOT


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    """The last lines come, none from before the start, and bad bytes do no harm."""
    log = tmp_path / "log"
    log.write_bytes(b"old\none\ntwo\xff\nthree")
    assert background.tail(log, 2) == ["two\ufffd", "three"]
    assert background.tail(log, 9, len(b"old\n")) == ["one", "two\ufffd", "three"]
    assert background.tail(log, 0) == []


FOLLOWER = """
import sys
from pathlib import Path
from aex_addon.cli.background import follow
follow(Path(sys.argv[1]), lambda line: print(line, flush=True))
"""


def heard(follower: subprocess.Popen[str], say: Callable[[], object], line: str) -> None:
    """Says it until it is heard: the follower may not have opened the file yet."""
    assert follower.stdout is not None
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        say()
        if select.select([follower.stdout], [], [], 0.5)[0]:
            while follower.stdout.readline() != line:
                pass
            return
    raise AssertionError(f"not heard: {line}")


def test_following_goes_on_after_a_cut(tmp_path: Path) -> None:
    """New lines come as they are written, also once the log was emptied or replaced."""
    log, fresh = tmp_path / "log", tmp_path / "fresh"
    log.write_text("before\n")

    def append() -> None:
        with log.open("a") as file:
            file.write("more and more\n")

    def replace() -> None:
        fresh.write_text("another file, and a longer one than before\n")
        fresh.replace(log)

    with subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, str(log)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as follower:
        try:
            heard(follower, append, "more and more\n")
            heard(follower, lambda: log.write_text("cut\n"), "cut\n")
            heard(follower, replace, "another file, and a longer one than before\n")
            follower.send_signal(signal.SIGINT)
            assert follower.wait(10) == 0
        finally:
            follower.kill()


def test_a_start_that_fails_shows_this_starts_log(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason stands in the error, without lines of earlier starts."""
    context.home.ensure()
    context.home.log_file.write_text("of yesterday\n")
    context.home.log_file.chmod(0o600)
    monkeypatch.setattr(background, "_PROGRAM", "import sys; sys.exit('no such luck')")
    with pytest.raises(HomeError) as refused:
        background.start(context, None)
    assert "ended with exit code 1" in str(refused.value)
    assert "no such luck" in str(refused.value)
    assert "yesterday" not in str(refused.value)


def test_a_start_that_hangs_is_ended(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that never answers is not left behind."""
    monkeypatch.setattr(background, "_PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(background, "_START_S", 0.2)
    with pytest.raises(HomeError, match=r"does not answer after 0 s(.|\n)*its log is empty"):
        background.start(context, None)


def test_an_open_log_is_refused(context: Context) -> None:
    """A log that others may read is not written to."""
    context.home.ensure()
    context.home.log_file.touch()
    context.home.log_file.chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600"):
        background.start(context, None)
