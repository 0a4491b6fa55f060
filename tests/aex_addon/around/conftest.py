"""Whether this machine can have jails."""

from __future__ import annotations

import os
import sys

import pytest


@pytest.fixture(scope="session")
def jails() -> None:
    """Skips where the kernel gives no namespaces to this user."""
    if sys.platform != "linux":
        pytest.skip("only Linux has namespaces")
    pid = os.fork()
    if not pid:
        try:
            os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        pytest.skip("this kernel gives no user and network namespaces")
