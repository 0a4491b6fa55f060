"""The first thing in a jail: what it says where there can be none."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from aex_addon.around import inside


def test_a_kernel_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason goes outside, and nothing is run."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def refuse(_flags: int) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.unshare", refuse, raising=False)
    with ours:
        with pytest.raises(SystemExit) as ended:
            inside.main([str(theirs.detach()), "9000", "--", "true"])
        assert ended.value.code == inside.FAILED
        assert ours.recv(99) == b"failed Operation not permitted"


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It runs in an interpreter without site packages, and so starts at once."""
    words = [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({inside.__file__!r})"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
