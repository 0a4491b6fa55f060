"""The namespace in which root's sandboxes are made holds two users, and no other namespace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aex_addon.tools import enter

LOOK = """
import os
print(open("/proc/self/uid_map").read().split(), open("/proc/self/gid_map").read().split())
os.setgid(65534)
os.setuid(65534)
try:
    os.unshare(os.CLONE_NEWUSER)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_two_users_and_no_namespace_within() -> None:
    """Root, who is root outside as far as files go, and nobody; from there it goes no deeper."""
    words = [sys.executable, "-I", "-S", enter.__file__, "/usr/bin/env", sys.executable]
    done = subprocess.run(
        [*words, "-I", "-S", "-c", LOOK], capture_output=True, text=True, check=False
    )
    told = ["0", "0", "1", "65534", "65534", "1"]
    assert done.stdout.splitlines() == [f"{told} {told}", "No space left on device"], done.stderr


def test_where_the_kernel_forbids(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says so, and nothing runs."""

    def forbid(flags: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    def never(*words: object) -> None:
        raise AssertionError(words)

    monkeypatch.setattr(os, "unshare", forbid)
    monkeypatch.setattr(os, "execv", never)
    with pytest.raises(SystemExit) as ended:
        enter.main(["/bin/true"])
    assert ended.value.code == "no user namespace: Operation not permitted"
