"""aex_addon/cli/demo.py: the README's first command, run as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "aex_addon.cli.main", "demo"]
ROOT = Path(__file__).resolve().parents[3]


def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}


def test_it_tells_the_whole_story(tmp_path: Path) -> None:
    """Both doors book equal rows, one call each is refused, the audit holds, nothing is left."""
    done = subprocess.run(
        [*COMMAND, "--json"],
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    rows = {
        door: [
            (row["state"], row["stream"], row["actual_nanousd"], row["usage"])
            for row in story["executions"]
            if row["door"] == door
        ]
        for door in ("proxy", "base-url")
    }
    assert rows["proxy"] == rows["base-url"]
    assert [row[0] for row in rows["proxy"]] == ["COMMITTED", "COMMITTED", "DENIED"]
    assert story["audit"]["ok"]
    booked = sum(row["actual_nanousd"] for row in story["executions"])
    before, after = (story[when]["remaining_nanousd"] for when in ("before", "after"))
    assert before - after == booked > 0
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_closes_ends_it(tmp_path: Path) -> None:
    """Whatever it was about, what was started ends with it, nothing is left, nothing complains."""
    process = subprocess.Popen(
        COMMAND,
        env=environment(tmp_path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGHUP)
    # Its processes hold the same pipes: the end of both shows that all of them are gone.
    assert "Traceback" not in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_kept_it_serves_its_dashboard_until_interrupted(
    tmp_path: Path, end: signal.Signals
) -> None:
    """With --keep the gateway answers on until Ctrl-C or a kill, which ends it and leaves the
    home."""
    process = subprocess.Popen(
        [*COMMAND, "--keep"],
        env=environment(tmp_path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if line.startswith("Dashboard: "):
            address = line.removeprefix("Dashboard: ").strip()
        if line.startswith("Try: "):
            break
    try:
        assert "/dashboard/login?link=" in address
        with urllib.request.urlopen(address, timeout=10) as page:
            assert b"Signed in as operator" in page.read()
    finally:
        # Ctrl-C reaches all processes of a terminal; a kill, one.
        os.killpg(process.pid, end) if end == signal.SIGINT else process.send_signal(end)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "Traceback" not in said
    (home,) = tmp_path.iterdir()
    assert (home / "ledger.db").exists()
    assert not (home / "gateway.pid").exists()
