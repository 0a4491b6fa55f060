"""The first thing in a sandbox: takes limits upon itself, and becomes the tool.

    python -I -S inside.py FD [PORT]

Owns: the limits of a process, and leaving root. It says over the UNIX socket FD that the sandbox
stands, is told what to run, and runs nothing if whoever should tell is gone. With a PORT it hands
out a socket that listens there on the sandbox's own loopback: the tool's only way out.
Refuses to know: AEX: it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

_CHUNK = 65_536
FAILED = 125
NICENESS = 10
# <linux/prctl.h>, <linux/capability.h>
_PR_CAPBSET_DROP, _CAPABILITIES_MAX = 24, 64
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


def main(descriptor: int, *ports: int) -> None:
    """Does as it is told by a line of JSON: command, env, user, limits (by names of `resource`)."""
    _be_polite()
    with socket.socket(fileno=descriptor) as outside:
        doors = [socket.create_server(("127.0.0.1", port)) for port in ports]
        socket.send_fds(outside, [b"ready"], [door.fileno() for door in doors])
        for door in doors:
            door.close()
        told = b"".join(iter(lambda: outside.recv(_CHUNK), b""))
    # What is not whole comes of an AEX that ended meanwhile.
    if not told.endswith(b"\n"):
        sys.exit(FAILED)
    _become(json.loads(told))


def _become(told: dict[str, Any]) -> None:
    user = told["user"]
    if user is not None:
        _leave_root(user)
    for name, value in told["limits"].items():
        which = getattr(resource, name)
        _, most = resource.getrlimit(which)
        least = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(which, (least, least))
    os.umask(0o022)
    command = told["command"]
    try:
        os.execve(command[0], command, told["env"])  # noqa: S606 - no shell is wanted between
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _be_polite() -> None:
    """Others go first. Where the kernel shares by session, niceness counts within one only, and the
    session, which is the sandbox's own, has another one:
    https://man7.org/linux/man-pages/man7/sched.7.html"""
    os.nice(NICENESS)
    # It takes one of these in a tenth of a second, of all; watch.py tries again.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def _leave_root(user: int) -> None:
    """Becomes this user, with no capability left in any set, nor to be had again."""
    import ctypes

    kernel = ctypes.CDLL(None, use_errno=True)
    # One for each that this kernel knows; it refuses the first that it does not.
    for capability in range(_CAPABILITIES_MAX):
        if kernel.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    nothing = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    if kernel.capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
