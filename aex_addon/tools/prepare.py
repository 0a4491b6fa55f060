"""What stands before a run begins: the package as checked bytes, and all that bwrap is handed.

Owns: what of a run blocks, which a thread does. Refuses to know: the process (process.py).
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aex_addon.tools import seccomp, walls
from aex_addon.tools.door import BUNDLE, PORT, Door
from aex_addon.tools.machine import Granted, Machine, covered, granted
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.package import verified


class SandboxUnavailable(Exception):
    """The tool did not begin to run, and costs nothing; the message ends with the remedy."""


@dataclass(slots=True)
class Prepared:
    """`words` start the sandbox, with the descriptors `passed`, which `handed` closes afterwards.

    `shown` is what the manifest grants. `control` is the socket to inside.py, `info` what bwrap
    says of itself.
    """

    shown: tuple[Granted, ...]
    words: list[str]
    passed: tuple[int, ...]
    control: socket.socket
    info: BinaryIO
    handed: contextlib.ExitStack

    def close(self) -> None:
        """Lets go of everything."""
        self.handed.close()
        self.control.close()
        self.info.close()


def prepare(
    machine: Machine,
    manifest: Manifest,
    package_dir: Path,
    private: Sequence[Path],
    way_out: Door | None,
) -> Prepared:
    """Reads and checks the package, and opens what the sandbox is made of.

    The bytes whose hash was taken are the ones that the sandbox gets, from memory: whatever becomes
    of the files meanwhile, nothing else is run. Raises PackageError, NotGranted, or
    SandboxUnavailable where the architecture is not known.
    """
    package = verified(package_dir, manifest)
    shown = tuple(granted(manifest, private))
    rules = seccomp.program(platform.machine())
    if rules is None:
        known = " or ".join(seccomp.MACHINES)
        raise SandboxUnavailable(f"tools run on {known}; this is {platform.machine()}")
    members = (
        walls.Written(f"{walls.TOOL}/{each.name}", each.executable, each.content)
        for each in package
    )
    roots = [walls.Written(str(BUNDLE), False, way_out.bundle.read_bytes())] if way_out else []
    written = (*walls.own_files(), *roots, *members)
    with contextlib.ExitStack() as on_error:
        handed = on_error.enter_context(contextlib.ExitStack())
        files = tuple(_in_memory(handed, each.content) for each in written)
        control, inner = socket.socketpair()
        on_error.callback(control.close)
        handed.callback(inner.close)
        reader, writer = os.pipe()
        handed.callback(os.close, writer)
        info = open(reader, "rb", buffering=0)  # noqa: PTH123, SIM115 - a descriptor
        filtered = _in_memory(handed, rules)
        descriptors = walls.Descriptors(inner.fileno(), writer, filtered, files)
        hidden = tuple(covered(machine, private))
        places = [(each.path, each.writable) for each in shown]
        options = walls.argv(machine, places, hidden, written, descriptors)
        given = _in_memory(handed, b"".join(os.fsencode(word) + b"\0" for word in options))
        ports = (PORT,) if way_out else ()
        first = walls.inside(machine, descriptors.control, *ports)
        words = walls.started(machine, sys.executable, given, first)
        passed = (inner.fileno(), writer, filtered, given, *files)
        on_error.pop_all()
        return Prepared(shown, words, passed, control, info, handed)


def _in_memory(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor of these bytes, to be read once, from the start."""
    descriptor = os.memfd_create("aex", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
