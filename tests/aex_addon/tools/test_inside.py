"""The first program of a sandbox does as it is told, or nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from aex_addon.tools import inside

SHOW = """
import json, os, resource
print(json.dumps({
    "env": dict(os.environ),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "processes": resource.getrlimit(resource.RLIMIT_NPROC),
    "nice": os.nice(0),
}))
"""


def begun(told: bytes, *ports: int) -> tuple[int, str, list[socket.socket]]:
    """Its exit code, what came of it, and the sockets that it handed out."""
    ours, theirs = socket.socketpair()
    words = [sys.executable, "-I", "-S", inside.__file__, str(theirs.fileno()), *map(str, ports)]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        # As in a sandbox; else the whole session of this test would change.
        start_new_session=True,
    ) as process:
        theirs.close()
        with ours:
            said, doors, _, _ = socket.recv_fds(ours, 64, 4)
            assert said == b"ready"
            ours.sendall(told)
        output, _ = process.communicate()
    return process.returncode, output.decode(), [socket.socket(fileno=door) for door in doors]


def plan(**changed: Any) -> bytes:
    command = [sys.executable, "-I", "-S", "-c", SHOW]
    told = {"command": command, "env": {"A": "b"}, "limits": {}, "user": None}
    return json.dumps(told | changed).encode() + b"\n"


def test_it_becomes_the_tool() -> None:
    """With the environment and the limits that it was told, politely."""
    code, output, _ = begun(plan(limits={"RLIMIT_NOFILE": 99, "RLIMIT_NPROC": 64}))
    found = json.loads(output)
    assert (code, found["env"]["A"], found["files"]) == (0, "b", [99, 99])
    assert found["processes"] == [64, 64]
    assert found["nice"] == min(os.nice(0) + 10, 19)
    assert "PATH" not in found["env"]


def test_a_limit_is_never_raised() -> None:
    """Where the machine allows less than the manifest, that holds."""
    _, output, _ = begun(plan(limits={"RLIMIT_NOFILE": 10**9}))
    assert json.loads(output)["files"][1] < 10**9


@pytest.mark.parametrize("told", [b"", plan()[:-1], plan()[:20]])
def test_nothing_is_run_for_one_who_is_gone(told: bytes) -> None:
    """An AEX that ended meanwhile has told nothing, or not all of it."""
    assert begun(told)[:2] == (inside.FAILED, "")


def test_a_tool_that_is_not_there() -> None:
    """An error of the tool's own, for its operator."""
    code, output, _ = begun(plan(command=["/nowhere"]))
    assert (code, output) == (1, "")


def test_a_door_is_handed_out() -> None:
    """Whoever connects to the port inside meets who holds the socket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _, _, (door,) = begun(plan(), port)
    with door:
        assert door.getsockname() == ("127.0.0.1", port)
