"""The machine whose trust stores are looked at: its files, its tools, what they answer.

Owns: the one place that runs other programs, and what a command looks like to a person.
Refuses to know: which commands there are; stores give those as data.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from certs import files
from certs.errors import StoreFailed

_TIMEOUT_S = 120
_UMASK = 0o022

# The command that brings a tool, by the package manager that would. Data, after what each
# distribution calls the package.
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "certutil": {
        "apt-get": "apt-get install libnss3-tools",
        "dnf": "dnf install nss-tools",
        "pacman": "pacman -S nss",
        "apk": "apk add nss-tools",
        "zypper": "zypper install mozilla-nss-tools",
        "brew": "brew install nss",
    },
    "update-ca-certificates": {
        "apt-get": "apt-get install ca-certificates",
        "apk": "apk add ca-certificates",
        "zypper": "zypper install ca-certificates",
    },
    "update-ca-trust": {"dnf": "dnf install ca-certificates"},
    "trust": {"pacman": "pacman -S p11-kit"},
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended and what it said."""

    code: int
    out: bytes
    err: str


class Step(Protocol):
    """One thing that an install or an uninstall does."""

    def shell(self) -> str:
        """The line by which a person would do it."""

    def perform(self, machine: Machine) -> None:
        """Do it. Raises StoreFailed, OSError."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments; `cwd` where a file's name is relative to it.

    With `may_fail` it is a step before the one that counts, such as the removal of what may not
    be there.
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    as_root: bool = False
    may_fail: bool = False

    def shell(self) -> str:
        """The command quoted for a shell; with sudo where it needs root."""
        line = shlex.join(("sudo", *self.argv) if self.as_root else self.argv)
        return f"cd {shlex.quote(str(self.cwd))} && {line}" if self.cwd else line

    def perform(self, machine: Machine) -> None:
        """Run it. Raises StoreFailed with what it said, if it did not end well."""
        done = machine.run(self)
        if done.code and not self.may_fail:
            said = done.err.strip() or done.out.decode(errors="replace").strip()
            lines = said.splitlines() or [f"it ended with {done.code}"]
            raise StoreFailed(f"{self.argv[0]}: {lines[-1]}")


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that loses what `pattern` matches and gets `addition` at its end; its mode stays.

    It is replaced by a new file, so one that shares its inode (uv links packages) is left as it is.
    """

    path: Path
    pattern: bytes
    addition: bytes
    line: str

    def shell(self) -> str:
        """The nearest thing that a person would type."""
        return self.line

    def perform(self, machine: Machine) -> None:
        """Read it, write it whole or not at all. Raises OSError."""
        del machine
        content = re.sub(self.pattern, b"", self.path.read_bytes())
        if self.addition and not content.endswith(b"\n"):
            content += b"\n"
        mode = stat.S_IMODE(self.path.stat().st_mode)
        files.write_whole(self.path, content + self.addition, mode)


@dataclass(frozen=True, slots=True)
class Machine:
    """`root` is the directory that stands for `/`; `home` is the user's."""

    platform: str
    home: Path
    environ: Mapping[str, str]
    superuser: bool
    root: Path = Path("/")

    def path(self, absolute: str) -> Path:
        """A path of the system, below `root`."""
        return self.root / absolute.lstrip("/")

    def which(self, tool: str) -> Path | None:
        """Where a program is, in the PATH or where only root's leads."""
        roots_own = (str(self.path("/usr/sbin")), str(self.path("/sbin")))
        path = os.pathsep.join([self.environ.get("PATH", ""), *roots_own])
        found = shutil.which(tool, path=path)
        return Path(found) if found else None

    def remedy(self, tool: str) -> str:
        """How to get a tool that is missing."""
        for manager, command in PACKAGES.get(tool, {}).items():
            if self.which(manager):
                return command
        return f"install {tool}"

    def run(self, command: Command) -> Done:
        """Run a command to its end, without a terminal to ask on. Raises StoreFailed."""
        tool = command.argv[0]
        program = self.which(tool)
        if program is None:
            raise StoreFailed(f"{tool} is missing: {self.remedy(tool)}")
        try:
            done = subprocess.run(
                [str(program), *command.argv[1:]],
                cwd=command.cwd,
                # Tools are asked in English, because their answers are read.
                env={**self.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "en"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                # AEX's own is 077, and roots that only root can read would break every other user.
                umask=_UMASK,
                check=False,
            )
        except OSError as error:
            raise StoreFailed(f"{tool}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise StoreFailed(f"{tool} did not end within {_TIMEOUT_S} s") from error
        return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def this_machine(environ: Mapping[str, str]) -> Machine:
    """The machine that this process runs on, as the user with this environment."""
    named = environ.get("HOME")
    home = Path(named) if named else Path.home()
    return Machine(sys.platform, home, environ, superuser=os.geteuid() == 0)
