"""What /proc tells: of real sockets and real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from aex_addon.around import proc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this /proc")


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("127.0.0.1", "0100007F"),
        ("127.0.0.1", "0000000000000000FFFF00000100007F"),
        ("::1", "00000000000000000000000001000000"),
    ],
)
def test_addresses_as_the_kernel_writes_them(address: str, form: str) -> None:
    """IPv4 has two forms and IPv6 one; a port follows in hex."""
    if sys.byteorder == "little":
        assert form in proc.written(address)
        assert f"{form}:01BB" in proc.written(address, 443)


def test_a_connection_is_found_with_its_owner() -> None:
    """An open connection stands there with both ends, and its inode is one of this process's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            here = proc.written(*client.getsockname())
            (found,) = [each for each in proc.sockets() if each.local in here]
            assert found.remote in proc.written("127.0.0.1", port)
            assert found.inode in set(proc.inodes(os.getpid()))
            assert found.inode == os.fstat(client.fileno()).st_ino


def test_a_family_holds_children_and_who_carries_the_mark() -> None:
    """A child belongs to it, and so does a process elsewhere with the mark in its environment."""
    environ = {"AEX_TOKEN": "the-mark"}
    with subprocess.Popen(["sleep", "60"], env=environ) as child:
        try:
            assert child.pid in set(proc.family(os.getpid(), b"other"))
            # Below a process that is not its parent, only the mark tells.
            with subprocess.Popen(["sleep", "60"]) as stranger:
                marked = set(proc.family(stranger.pid, b"AEX_TOKEN=the-mark"))
                assert (child.pid in marked, stranger.pid in marked) == (True, False)
                assert child.pid not in set(proc.family(stranger.pid, b"AEX_TOKEN=the"))
                stranger.kill()
        finally:
            child.kill()


def test_children_and_theirs_are_below() -> None:
    """A child and a grandchild are found without a look at every process."""
    shell = "sleep 60 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", shell], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        found = set(proc.below(os.getpid()))
        os.kill(grandchild, signal.SIGKILL)
    assert {child.pid, grandchild} <= found
    assert os.getpid() not in found


def test_what_is_gone_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has ended, and a table that is damaged, tell nothing and raise nothing."""
    monkeypatch.setattr(proc, "PROC", tmp_path)
    (tmp_path / "1" / "net").mkdir(parents=True)
    (tmp_path / "1" / "net" / "tcp").write_text("head\n 0: broken\n")
    assert list(proc.sockets(1)) == []
    assert list(proc.inodes(1)) == []
    assert proc.name(1) == ""
    assert proc.processes() == {}
    assert list(proc.below(1)) == []
