"""A machine that exists in a folder only: its `/`, its home, tools that write down their calls.

Owns: fake tools, which do what a test says and nothing else.
Refuses to know: which stores there are.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from certs.issue import issue
from certs.machine import Machine
from certs.root import Root
from tests.certs.authority import HOSTS, NOW

# What anchors are copied with, and what a fake tool is written in.
REAL = ("sh", "cat", "install", "rm", "grep", "touch", "sed")


@dataclass(frozen=True)
class Fake:
    """A machine below `folder`; `tool` adds a program, `calls` are those that were made."""

    folder: Path
    machine: Machine

    @classmethod
    def make(cls, folder: Path, platform: str = "linux", *, superuser: bool = True) -> Fake:
        root, home, tools = folder / "root", folder / "home", folder / "bin"
        for each in (root, home, tools):
            each.mkdir()
        for name in REAL:
            found = next(place / name for place in _PLACES if (place / name).exists())
            (tools / name).symlink_to(found)
        environ = {"PATH": str(tools), "HOME": str(home)}
        return cls(folder, Machine(platform, home, environ, superuser, root))

    def tool(self, name: str, does: str = "") -> Path:
        """Put a program into the PATH that notes its words, a line a call, and then does `does`."""
        path = self.folder / "bin" / name
        log = shlex.quote(str(self.folder / "calls"))
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n{does}\n')
        path.chmod(0o755)
        return path

    def calls(self) -> list[str]:
        """Every call so far, as words with blanks between them; then they are forgotten."""
        log = self.folder / "calls"
        found = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return found

    def directory(self, absolute: str) -> Path:
        """A folder of this machine, made."""
        path = self.machine.path(absolute)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def user(self) -> Machine:
        """The same machine for somebody who is not root."""
        return replace(self.machine, superuser=False)


_PLACES = (Path("/usr/bin"), Path("/bin"))


def root(folder: Path) -> Root:
    """A new root, lying in `folder` as its own file."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = issue(HOSTS, NOW).root
    made = Root(certificate, folder / f"{certificate.serial_number:x}.pem")
    made.file.write_bytes(made.pem)
    return made
